// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cli/demo.h"
#include "cli/figures.h"
#include "cli/machine.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

double memory_bytes(const Json& memory) {
  return number_of(memory, "manager_bytes") + number_of(memory, "hosts_bytes") + number_of(memory, "page_table_bytes");
}

double rate(const DemoFigures& figures, const char* name, double seconds) {
  return (number_of(figures.end, name) - number_of(figures.start, name)) / std::max(1e-3, seconds);
}

struct Cause {
  std::string_view name, meaning;
};
constexpr Cause kCauses[] = {
    {"no_chain", "came by a port without a chain"},
    {"no_nf", "came before a service had NFs"},
    {"inbox_full", "the first NF had no room for more: overload"},
    {"backpressure", "a later NF had no room for more: overload"},
    {"by_nf", "an NF decided so"},
    {"quarantined", "their NF did not come back from a burst"},
    {"transmit_full", "the output port took no more"},
    {"host_died", "were with a process that died"},
};

std::string meaning_of(const std::string& cause) {
  for (const auto& [name, meaning] : kCauses)
    if (name == cause) return std::string(meaning);
  return "packets, by cause";
}

// Packets that ports could not hand over: they are the ports' own count, and not among those received.
uint64_t not_received(const Json& stats) {
  uint64_t sum = 0;
  for (const Json& port : part_of(stats, "ports")) sum += sum_of(part_of(port, "receive_dropped"));
  return sum;
}

}  // namespace

Json demo_json(const DemoOptions& options, const DemoFigures& figures) {
  const Json& final = figures.final;
  const Json& latency = part_of(final, "latency_us");
  const double seconds = number_of(figures.end, "uptime_s") - number_of(figures.start, "uptime_s");
  const double grown = memory_bytes(figures.memory_after) - memory_bytes(figures.memory_before);
  return {
      {"label", "in memory, no NIC"},
      {"traffic", options.pcap.empty() ? "generator, IMIX, Zipf flows" : "capture " + options.pcap + ", looped"},
      {"tier", options.tier},
      {"nfs_live", count_of(final, "nfs_live")},
      {"nfs_with_packets", count_of(final, "nfs_with_packets")},
      {"hosts_live", count_of(final, "hosts_live")},
      {"seconds", seconds},
      {"received", count_of(final, "received")},
      {"created", count_of(final, "created")},
      {"transmitted", count_of(final, "transmitted")},
      {"dropped", part_of(final, "dropped").empty() ? Json::object() : part_of(final, "dropped")},
      {"held", count_of(final, "held")},
      {"balanced", final.value("balanced", false)},
      {"not_received", not_received(final)},
      {"packets_per_s", rate(figures, "transmitted", seconds)},
      {"kernel_wakes_per_s", rate(figures, "kernel_wakes", seconds)},
      {"latency_us",
       {{"p50", number_of(latency, "p50")}, {"p99", number_of(latency, "p99")}, {"p999", number_of(latency, "p999")}}},
      {"spawn_ms", figures.spawn_ms},
      {"bytes_per_nf", grown / options.nfs},
      {"machine", machine_facts()}};
}

std::string demo_table(const Json& report) {
  Table table({{"FIGURE"}, {"VALUE", Table::Align::right}, {"MEANING"}});
  const auto count = [&](const char* name, const char* shown, const char* meaning) {
    table.add({shown, grouped(count_of(report, name)), meaning});
  };
  count("nfs_live", "NFs live", "network functions running at the end");
  count("nfs_with_packets", "NFs with packets", "of those, have had at least one packet");
  count("hosts_live", "processes", "in which they live");
  table.add({"packets/s", rounded(number_of(report, "packets_per_s")), "through the whole chain and out"});
  count("received", "received", "packets from the input port, start to end");
  if (count_of(report, "created") != 0) count("created", "created", "packets made by NFs");
  count("transmitted", "transmitted", "packets out of the output port");
  for (const auto& [cause, packets] : report["dropped"].items())
    table.add({"dropped: " + cause, grouped(count_of(report["dropped"], cause.c_str())), meaning_of(cause)});
  count("held", "held", "packets still inside at the end");
  table.add(
      {"balanced", report["balanced"] == true ? "yes" : "NO", "received + created = transmitted + dropped + held"});
  if (count_of(report, "not_received") != 0)
    count("not_received", "not received", "missed by the input port: we were late");
  const Json& latency = report["latency_us"];
  table.add({"latency p50", rounded(number_of(latency, "p50")) + " us", "half of the packets took at most this long"});
  table.add({"latency p99", rounded(number_of(latency, "p99")) + " us", "99 of 100"});
  table.add({"latency p999", rounded(number_of(latency, "p999")) + " us", "999 of 1,000"});
  table.add(
      {"kernel wakes/s", rounded(number_of(report, "kernel_wakes_per_s")), "sleeping workers woken by the kernel"});
  table.add({"spawn", rounded(number_of(report, "spawn_ms")) + " ms", "to start all NFs"});
  table.add({"memory/NF", bytes_text(number_of(report, "bytes_per_nf")),
             "all processes and page tables, growth by the start"});
  const Json& machine = report["machine"];
  return table.text() + fmt::format("{}; {}; {} cores, Linux {}; {}\n", text_of(report, "label"),
                                    text_of(report, "traffic"), count_of(machine, "cores"), text_of(machine, "kernel"),
                                    text_of(machine, "cpu"));
}

std::string demo_fault(const Json& report, uint32_t nfs_wanted) {
  if (report["balanced"] != true) return "the books do not balance: packets were lost or counted twice";
  if (count_of(report, "nfs_live") < nfs_wanted)
    return fmt::format("only {} of {} NFs were live at the end", count_of(report, "nfs_live"), nfs_wanted);
  return "";
}

}  // namespace roost::cli
