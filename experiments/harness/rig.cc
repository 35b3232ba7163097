// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/rig.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {
namespace {

constexpr double kFirstPatience_s = 1;
constexpr useconds_t kFirstLook_us = 500;
constexpr uint64_t kBacklogPackets = 1024;  // as a NIC's ring: what is not taken in time is missed

bool comes_round(const RigOptions& options) { return options.window != 0 || options.pulses_per_s != 0; }

}  // namespace

PortConfig Rig::generator(uint32_t flows, uint64_t rate_pps) {
  PortConfig port;
  port.name = "in0";
  port.kind = PortKind::kGenerator;
  port.generator.flows = flows;
  port.generator.frame_bytes = 64;
  port.generator.rate_pps = rate_pps;
  port.generator.backlog_packets = rate_pps == 0 ? 0 : kBacklogPackets;
  return port;
}

std::string Rig::module_path(const std::string& module) { return fmt::format("{}/{}.so", ROOST_NF_DIR, module); }

PortConfig Rig::source(const Lane& lane) {
  PortConfig port = generator(lane.flows, lane.rate_pps);
  port.generator.imix = lane.imix;
  port.generator.seed = lane.seed;
  if (lane.zipf_s > 0) {
    port.generator.distribution = FlowDistribution::kZipf;
    port.generator.zipf_s = lane.zipf_s;
  }
  if (!lane.capture.empty()) {
    port.kind = PortKind::kPcap;
    port.pcap.read = lane.capture;
    port.pcap.loop = true;
  }
  return port;
}

Rig::Rig(const RigOptions& options, const std::vector<std::string>& settings) {
  std::string folder = (std::filesystem::temp_directory_path() / "roost-rig-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) fail_errno("folder '{}'", folder);
  folder_ = folder;
  ManagerConfig config;
  config.control_socket = folder_ + "/socket";
  config.paused = true;
  config.memory.packets = options.packets;
  config.cores.io = {0};
  config.cores.shared = options.shared;
  config.flows.max = options.flow_rows;
  for (uint32_t i = 0; i < options.lanes.size(); ++i) {
    const Lane& lane = options.lanes[i];
    ManagerConfig::Port in;
    static_cast<PortConfig&>(in) = source(lane);
    in.name = fmt::format("in{}", i);
    in.chain = fmt::format("chain{}", i);
    ManagerConfig::Chain chain{in.chain, {}, i == 0 && comes_round(options) ? in.name : "out"};
    for (uint32_t k = 0; k < lane.services; ++k) {
      config.services.push_back({fmt::format("s{}", config.services.size())});
      chain.services.push_back(config.services.back().name);
    }
    config.ports.push_back(in);
    config.chains.push_back(chain);
  }
  ManagerConfig::Port out;
  out.name = "out";
  config.ports.push_back(out);
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) fail("setting '{}': write it as NAME=VALUE", setting);
    Settings().set(setting.substr(0, equals), std::stoull(setting.substr(equals + 1)));  // refuses what isn't one
    config.settings[setting.substr(0, equals)] = std::stoull(setting.substr(equals + 1));
  }
  const auto opener = [&](const PortConfig& port, uint16_t index, rte_mempool* pool,
                          uint64_t hz) -> std::unique_ptr<Port> {
    if (index == 0 && options.steered) {
      auto steered = std::make_unique<SteeredPort>(open_port(port, index, pool, hz), hz, kBacklogPackets);
      steered_ = steered.get();
      return steered;
    }
    if (index != 0 || !comes_round(options)) return open_port(port, index, pool, hz);
    if (options.window != 0) {
      auto window = std::make_unique<WindowPort>(port.name, index, pool, options.window, options.lanes[0].flows);
      window_ = window.get();
      return window;
    }
    auto pulse = std::make_unique<PulsePort>(port.name, index, pool, options.pulses_per_s, hz);
    pulse_ = pulse.get();
    return pulse;
  };
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  manager_ = std::make_unique<Manager>(config, here / "roost-host", opener);
  if (window_ != nullptr) window_->watch(manager_->loop().counters());
}

Rig::~Rig() {
  manager_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Rig::spawn(const std::string& module, const std::string& service, uint32_t count, Tier tier,
                const Json& nf_config) {
  Manager::SpawnRequest request;
  request.module = module_path(module);
  request.service = service;
  request.count = count;
  request.tier = tier;
  request.config = nf_config;
  manager_->spawn(request);
}

double Rig::rate_over(double seconds, double warm_up_seconds) {
  const auto& transmitted = manager_->loop().counters().transmitted;
  start();
  usleep(static_cast<useconds_t>(warm_up_seconds * 1e6));
  const double began = seconds_now();
  const uint64_t before = transmitted.get();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  const uint64_t after = transmitted.get();
  const double ended = seconds_now();
  settle();
  return static_cast<double>(after - before) / (ended - began);
}

RateTrial Rig::trial(double rate_pps, double seconds) {
  DataLoop& loop = manager_->loop();
  RateTrial result;
  uint64_t due = 0, out = 0, wakes = 0;
  const auto count = [&] {
    due = steered_->counters().received.get() + steered_->counters().receive_dropped.missed.get() - due;
    out = loop.counters().transmitted.get() - out;
    wakes = loop.counters().kernel_wakes.get() - wakes;
  };
  const double workers = workers_cpu_s(), self = manager_cpu_s();
  loop.call([&] {
    count();
    loop.clear_latency();
    steered_->pace(rate_pps);
  });
  const auto& transmitted = loop.counters().transmitted;
  const uint64_t before = out;
  const double began = seconds_now();
  start();
  while (rate_pps == 0 && transmitted.get() == before && seconds_now() < began + kFirstPatience_s)
    usleep(kFirstLook_us);
  const uint64_t from = rate_pps == 0 ? transmitted.get() : before;
  const double from_s = rate_pps == 0 ? seconds_now() : began;
  usleep(static_cast<useconds_t>(seconds * 1e6));
  const uint64_t meanwhile = transmitted.get() - from;
  result.seconds = seconds_now() - began;
  result.out_pps = static_cast<double>(meanwhile) / (began + result.seconds - from_s);
  settle();
  result.whole_s = seconds_now() - began;
  loop.call(count);
  result.offered = due;
  result.transmitted = out;
  result.wakes = wakes;
  result.workers_cpu_s = workers_cpu_s() - workers;
  result.manager_cpu_s = manager_cpu_s() - self;
  const auto us = [&](double share) {
    return static_cast<double>(loop.latency().quantile(share)) * 1e6 / static_cast<double>(manager_->tsc_hz());
  };
  result.p50_us = us(0.5), result.p99_us = us(0.99), result.p999_us = us(0.999), result.max_us = us(1);
  return result;
}

void Rig::steer(double rate_pps) {
  manager_->loop().call([&] { steered_->pace(rate_pps); });
}

void Rig::feed(const Lane& lane) {
  std::unique_ptr<Port> source =
      open_port(Rig::source(lane), steered_->index(), manager_->pool().pool(), manager_->tsc_hz());
  manager_->loop().call([&] { source = steered_->take_from(std::move(source)); });
}

double Rig::workers_cpu_s() {
  double sum = 0;
  for (const pid_t pid : host_pids()) sum += cpu_seconds_of(pid);
  return sum;
}

double Rig::manager_cpu_s() const { return cpu_seconds_of(getpid()); }

Json Rig::books() {
  DataLoop::Books books{};
  manager_->loop().call([&] { books = manager_->loop().books(); });
  return {{"received", books.received},
          {"created", books.created},
          {"transmitted", books.transmitted},
          {"dropped", books.dropped},
          {"held", books.held}};
}

void Rig::settle() {
  manager_->pause_receiving(true);
  manager_->drain(5'000);
  DataLoop::Books books{};
  manager_->loop().call([&] {
    books = manager_->loop().books();
    if (window_ != nullptr) window_->replace_dropped();
  });
  if (!books.balanced() || books.held != 0)
    fail("the books don't balance: received {} + created {} != transmitted {} + dropped {} + held {}", books.received,
         books.created, books.transmitted, books.dropped, books.held);
}

std::vector<pid_t> Rig::host_pids() {
  std::vector<pid_t> pids;
  const Json hosts = manager_->ps(INT64_MAX, 0)["hosts"];
  for (const auto& host : hosts) pids.push_back(host["pid"].get<pid_t>());
  return pids;
}

std::vector<uint64_t> Rig::packets_of_nfs() {
  std::vector<uint64_t> packets;
  const Json nfs = manager_->ps(-1, UINT32_MAX)["nfs"];
  for (const auto& nf : nfs) packets.push_back(nf["packets"].get<uint64_t>());
  return packets;
}

}  // namespace roost::experiment
