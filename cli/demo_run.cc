// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>

#include "cli/demo.h"
#include "cli/example_config.h"
#include "cli/figures.h"
#include "cli/interrupts.h"
#include "cli/modules.h"
#include "cli/private_manager.h"

namespace roost::cli {
namespace {

using std::chrono::milliseconds;

// What two slow cores carry without losing much; --rate and --pace line find out more.
constexpr uint64_t kFiberRate_pps = 200'000, kProcessRate_pps = 50'000;
constexpr uint32_t kFlowsLeast = 10'000, kFlowsMost = 1'000'000, kFlowsPerNf = 20;
constexpr milliseconds kProgress{1'000}, kDrainLook{20}, kDrainPatience{5'000};
constexpr milliseconds kSpawnFirst{60'000}, kSpawnEach{50};

// A chain of three services, fewer where there aren't NFs for three.
std::vector<std::string> services_for(uint32_t nfs) {
  std::vector<std::string> services{"firewall", "counter", "forward"};
  services.erase(services.begin(), services.end() - std::min<std::ptrdiff_t>(3, nfs));
  return services;
}

ExampleConfig config_for(const DemoOptions& options) {
  ExampleConfig config;
  config.services = services_for(options.nfs);
  config.flows =
      static_cast<uint32_t>(std::clamp<uint64_t>(uint64_t{options.nfs} * kFlowsPerNf, kFlowsLeast, kFlowsMost));
  config.rate_pps = options.rate_pps != 0     ? options.rate_pps
                    : options.tier == "fiber" ? kFiberRate_pps
                                              : kProcessRate_pps;
  if (!options.pcap.empty()) {
    std::error_code error;
    config.capture = std::filesystem::canonical(options.pcap, error);
    if (error) fail("--pcap {}: {}", options.pcap, error.message());
  }
  config.line_pace = options.pace == "line";
  return config;
}

// The NFs, as evenly over the services as they go. Milliseconds.
double spawn_all(Client& client, const DemoOptions& options) {
  const auto services = services_for(options.nfs);
  double spawn_ms = 0;
  for (size_t i = 0; i < services.size(); ++i) {
    const auto count =
        static_cast<uint32_t>(options.nfs / services.size() + (i < options.nfs % services.size() ? 1 : 0));
    const Json answer = client.call("spawn",
                                    {{"module", find_module(services[i], module_folders(program_folder() / "../nf"))},
                                     {"service", services[i]},
                                     {"count", count},
                                     {"tier", options.tier},
                                     {"config", example_nf_config(services[i])},
                                     {"tenant", "default"}},
                                    kSpawnFirst + kSpawnEach * count);
    spawn_ms += number_of(answer, "spawn_ms");
  }
  return spawn_ms;
}

void print_progress(std::FILE* out, const Json& now, const Json& before) {
  const double elapsed_s = std::max(1e-3, number_of(now, "uptime_s") - number_of(before, "uptime_s"));
  const auto rate = [&](const char* name) {
    return rounded(static_cast<double>(count_of(now, name) - count_of(before, name)) / elapsed_s);
  };
  const Json& latency = part_of(now, "latency_us");
  fmt::print(out, "{:>10} packets/s   {:>7} NFs with packets   latency p50 {:>6} us, p99 {:>7} us   {:>8} wakes/s\n",
             rate("transmitted"), grouped(count_of(now, "nfs_with_packets")), rounded(number_of(latency, "p50")),
             rounded(number_of(latency, "p99")), rate("kernel_wakes"));
  std::fflush(out);
}

void measure(Client& client, const DemoOptions& options, const Interrupts& interrupts, DemoFigures& figures,
             std::FILE* out) {
  warm_up(client, interrupts, !options.pcap.empty() && options.pace != "line");
  client.call("clear_latency");
  figures.start = client.call("stats");
  Json now = figures.start;
  const auto began = std::chrono::steady_clock::now();
  const milliseconds whole(std::lround(options.seconds * 1000));
  for (auto at = milliseconds(0); at < whole;) {
    at = std::min(at + kProgress, whole);
    const auto left = std::chrono::ceil<milliseconds>(began + at - std::chrono::steady_clock::now());
    interrupts.wait(std::max(left, milliseconds(0)));
    const Json before = std::move(now);
    now = client.call("stats");
    print_progress(out, now, before);
  }
  figures.end = std::move(now);
  client.call("pause");
  for (auto waited = milliseconds(0); waited < kDrainPatience; waited += kDrainLook) {
    figures.final = client.call("stats");
    if (count_of(figures.final, "held") == 0) break;
    interrupts.wait(kDrainLook);
  }
}

void run_with(ManagerProcess& manager, const DemoOptions& options, const Interrupts& interrupts, DemoFigures& figures,
              std::FILE* out) {
  Client client = manager.wait_until_ready(interrupts.fd());
  figures.memory_before = part_of(client.call("stats", {{"memory", true}}), "memory");
  fmt::print(out, "starting {} NFs in tier {} ...\n", grouped(options.nfs), options.tier);
  std::fflush(out);
  figures.spawn_ms = spawn_all(client, options);
  figures.memory_after = part_of(client.call("stats", {{"memory", true}}), "memory");
  fmt::print(out, "{} NFs live after {} ms; warming up, then measuring for {:g} s\n", grouped(options.nfs),
             rounded(figures.spawn_ms), options.seconds);
  measure(client, options, interrupts, figures, out);
  client.call("down");
  manager.wait_for_end(std::chrono::seconds(10));
}

}  // namespace

DemoFigures run_demo(const DemoOptions& options, std::FILE* out) {
  // In this order, so that at the end the manager goes first, then signals are as before.
  const Interrupts interrupts;
  PrivateManager manager("demo", example_config(config_for(options)));
  DemoFigures figures;
  try {
    run_with(manager.process(), options, interrupts, figures, out);
  } catch (const Interrupted&) {
    fail("interrupted; all that was started is ended");
  } catch (const Error& error) {
    manager.fail_with_log(error.what());
  }
  return figures;
}

}  // namespace roost::cli
