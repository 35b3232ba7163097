// SPDX-License-Identifier: BSD-3-Clause
// roost stats: the manager's counters; with --watch, what changes of them each second.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

struct StatsOptions {
  bool memory = false;
  double watch_s = 0;  // 0: once
};

struct Line {
  const char* name;
  const char* meaning;
};
constexpr Line kCounters[] = {
    {"received", "packets, from ports"},
    {"created", "packets, by NFs"},
    {"transmitted", "packets, to ports"},
    {"dropped_midway", "packets, for want of room or way, after NFs had worked on them"},
    {"delivered", "packets, to NFs' inboxes"},
    {"collected", "packets, back from NFs"},
    {"kernel_wakes", "sleeping workers woken by the kernel"},
    {"wakes_by_deadline", "of those, because a packet had waited long enough"},
    {"wakes_ahead", "of those, ahead of the packets"},
    {"thresholds_changed", "times that a worker's wait was changed to hold sojourn_target_us"},
    {"moves", "workers that have gone from one shared core to another"},
    {"ecn_marked", "packets that left with ECN's congestion mark"},
    {"crossed", "packets copied from one domain to another"},
    {"refused", "packets that a host gave back but did not have"},
    {"breaches", "other things that no honest host does"},
    {"turns", "of data loops"},
    {"loop_sleeps", "of data loops"},
};
constexpr Line kGauges[] = {
    {"nfs_live", "NFs"},           {"nfs_with_packets", "NFs that have had packets"},
    {"hosts_live", "processes"},   {"held", "packets inside at this moment"},
    {"flows", "flows remembered"}, {"paths", "ways through chains in use"},
};
constexpr const char* kQuantiles[] = {"p50", "p99", "p999", "max"};

// With `before`, counters become rates.
void print_stats(const Json& stats, const Json* before, double elapsed_s) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"WHAT"}, {before == nullptr ? "VALUE" : "PER SECOND", kRight}, {"MEANING"}});
  const auto counter = [&](const std::string& shown, uint64_t now, uint64_t then, const std::string& meaning) {
    const double rate = now < then ? 0.0 : static_cast<double>(now - then) / elapsed_s;
    table.add({shown, before == nullptr ? grouped(now) : rounded(rate), meaning});
  };
  const Json none = Json::object();
  const Json& old = before == nullptr ? none : *before;
  for (const auto& [name, meaning] : kCounters) counter(name, count_of(stats, name), count_of(old, name), meaning);
  for (const auto& [cause, count] : part_of(stats, "dropped").items())
    counter("dropped: " + cause, count_of(part_of(stats, "dropped"), cause.c_str()),
            count_of(part_of(old, "dropped"), cause.c_str()), "packets");
  for (const auto& [name, meaning] : kGauges) table.add({name, grouped(count_of(stats, name)), meaning});
  table.add({"balanced", text_of(stats, "balanced"), "received + created = transmitted + dropped + held"});
  const Json& latency = part_of(stats, "latency_us");
  for (const char* quantile : kQuantiles)
    table.add({fmt::format("latency {}", quantile), rounded(number_of(latency, quantile)),
               "us, from receipt to transmission"});
  for (const auto& [name, bytes] : part_of(stats, "memory").items())
    table.add({name, bytes_text(number_of(part_of(stats, "memory"), name.c_str())), "shared pages counted in part"});
  fmt::print("{}", table.text());
}

void print_ports(const Json& stats, const Json* before, double elapsed_s) {
  constexpr auto kRight = Table::Align::right;
  const char* unit = before == nullptr ? "" : "/S";
  Table table({{"PORT"},
               {"LINK"},
               {fmt::format("RECEIVED{}", unit), kRight},
               {fmt::format("TRANSMITTED{}", unit), kRight},
               {fmt::format("BYTES IN{}", unit), kRight},
               {fmt::format("BYTES OUT{}", unit), kRight},
               {fmt::format("NOT RECEIVED{}", unit), kRight},
               {fmt::format("NOT SENT{}", unit), kRight}});
  const Json& ports = part_of(stats, "ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    const Json none = Json::object();
    const Json& old_ports = before == nullptr ? none : part_of(*before, "ports");
    const Json& old = old_ports.is_array() && i < old_ports.size() ? old_ports[i] : none;
    const auto cell = [&](uint64_t now, uint64_t then) {
      return before == nullptr ? grouped(now) : rounded(now < then ? 0.0 : static_cast<double>(now - then) / elapsed_s);
    };
    const auto field = [&](const char* name) { return cell(count_of(ports[i], name), count_of(old, name)); };
    table.add({text_of(ports[i], "name"), ports[i].contains("link") ? text_of(ports[i], "link") : "-",
               field("received"), field("transmitted"), field("received_bytes"), field("transmitted_bytes"),
               cell(sum_of(part_of(ports[i], "receive_dropped")), sum_of(part_of(old, "receive_dropped"))),
               field("transmit_dropped")});
  }
  if (table.size() != 0) fmt::print("\n{}", table.text());
}

// Of several data loops, each one's own.
void print_loops(const Json& stats, const Json* before, double elapsed_s) {
  constexpr auto kRight = Table::Align::right;
  constexpr const char* kFields[] = {"received", "created",     "taken_over", "transmitted",
                                     "dropped",  "handed_over", "turns",      "sleeps"};
  const char* unit = before == nullptr ? "" : "/S";
  const Json& loops = part_of(stats, "loops");
  if (loops.size() < 2) return;
  Table table({{"IO", kRight},
               {"CORE", kRight},
               {fmt::format("RECEIVED{}", unit), kRight},
               {fmt::format("CREATED{}", unit), kRight},
               {fmt::format("TAKEN OVER{}", unit), kRight},
               {fmt::format("TRANSMITTED{}", unit), kRight},
               {fmt::format("DROPPED{}", unit), kRight},
               {fmt::format("HANDED OVER{}", unit), kRight},
               {fmt::format("TURNS{}", unit), kRight},
               {fmt::format("SLEEPS{}", unit), kRight},
               {"HELD", kRight},
               {"FLOWS", kRight}});
  for (size_t i = 0; i < loops.size(); ++i) {
    const Json none = Json::object();
    const Json& old_loops = before == nullptr ? none : part_of(*before, "loops");
    const Json& old = old_loops.is_array() && i < old_loops.size() ? old_loops[i] : none;
    std::vector<std::string> row{text_of(loops[i], "loop"), text_of(loops[i], "core")};
    for (const char* field : kFields) {
      const uint64_t now = count_of(loops[i], field), then = count_of(old, field);
      row.push_back(before == nullptr ? grouped(now)
                                      : rounded(now < then ? 0.0 : static_cast<double>(now - then) / elapsed_s));
    }
    row.push_back(grouped(count_of(loops[i], "held")));
    row.push_back(grouped(count_of(loops[i], "flows")));
    table.add(row);
  }
  fmt::print("\n{}", table.text());
}

// Whose memory is used up; of one domain, "held" says it.
void print_domains(const Json& stats) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"DOMAIN"}, {"PACKETS", kRight}, {"IN USE", kRight}});
  for (const Json& domain : part_of(stats, "domains"))
    table.add({text_of(domain, "name"), grouped(count_of(domain, "packets")), grouped(count_of(domain, "in_use"))});
  if (table.size() > 1) fmt::print("\n{}", table.text());
}

int stats(const StatsOptions& options, const Invocation& invocation) {
  Client client = invocation.connect();
  const Json parameters = {{"memory", options.memory}};
  Json now = client.call("stats", parameters);
  if (options.watch_s == 0) {
    if (invocation.printed_as_json(now)) return kFine;
    print_stats(now, nullptr, 1);
    print_ports(now, nullptr, 1);
    print_loops(now, nullptr, 1);
    print_domains(now);
    return kFine;
  }
  for (;;) {  // until Ctrl-C, or the manager goes
    poll(nullptr, 0, static_cast<int>(std::lround(options.watch_s * 1000)));
    const Json before = std::move(now);
    now = client.call("stats", parameters);
    const double elapsed_s = std::max(1e-3, number_of(now, "uptime_s") - number_of(before, "uptime_s"));
    if (invocation.json) {
      fmt::print("{}\n", json_text(now));
    } else {
      if (isatty(STDOUT_FILENO) == 1) fmt::print("\033[H\033[2J");
      print_stats(now, &before, elapsed_s);
      print_ports(now, &before, elapsed_s);
      print_loops(now, &before, elapsed_s);
      print_domains(now);
      fmt::print("\n");
    }
    fflush(stdout);
  }
}

}  // namespace

void add_stats(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "stats", "show counters, latency and ports",
                                 "  roost stats\n"
                                 "  roost stats --watch            rates, each second\n"
                                 "  roost stats --watch 0.5 --json one JSON object a line\n"
                                 "  roost stats --memory --json | jq .memory");
  auto& options = command.keep<StatsOptions>();
  command.flag("--memory", options.memory, "and the memory of manager and hosts (takes a moment)");
  add_json_flag(command, invocation);
  const Option watch =
      command.option("--watch", options.watch_s, "again and again, each this many seconds (default: 1)")
          .value_optional("SECONDS")
          .range(0.05, 86'400);
  command.runs([&options, &invocation, watch] {
    if (watch.given() && options.watch_s == 0) options.watch_s = 1;
    return stats(options, invocation);
  });
}

}  // namespace roost::cli
