// SPDX-License-Identifier: BSD-3-Clause
// What operators see: NFs, hosts, counters, memory.
#include <seccomp.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr uint32_t kNfsShown = 10'000, kHostsShown = 1'000;  // at once, whatever is asked for

// Sum of the lines "KEY: N kB" of a file under /proc.
uint64_t kib_of(const std::string& file, std::string_view key) {
  std::ifstream lines(file);
  uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);)
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ':')
      sum += std::stoull(line.substr(key.size() + 1));
  return sum;
}

// Of a host that belongs to the manager's user and not to root, only the latter may look at the shared pages.
uint64_t pss_bytes(pid_t pid) {
  const uint64_t kib = kib_of(fmt::format("/proc/{}/smaps_rollup", pid), "Pss");
  return (kib != 0 ? kib : kib_of(fmt::format("/proc/{}/status", pid), "RssAnon")) << 10;
}
std::string call_name(uint32_t number) {
  char* const name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
  const std::string text = name != nullptr ? name : std::to_string(number);
  std::free(name);
  return text;
}

uint64_t page_table_bytes(pid_t pid) { return kib_of(fmt::format("/proc/{}/status", pid), "VmPTE") << 10; }

// What a worker that has a target for its packets' sojourn has chosen, and the p99 that it last saw; else nothing.
Json followed(const SojournControl* control, uint64_t hz) {
  if (control == nullptr) return Json::object();
  const auto us = [hz](uint64_t cycles) {
    return std::round(static_cast<double>(cycles) * 1e7 / static_cast<double>(hz)) / 10;
  };
  const WakeThreshold threshold = control->threshold();
  return {{"sojourn_target_us", us(control->options().target_cycles)},
          {"sojourn_p99_us", us(control->p99_cycles())},
          {"wake_packets", threshold.packets},
          {"wake_deadline_us", us(threshold.deadline_cycles)}};
}

}  // namespace

// The CPU; and where several shared cores have one CPU, which of them.
std::string Manager::core_name(uint32_t core) const {
  const uint32_t cpu = cpu_of(core);
  if (core >= shared_cores_.size() || std::count(shared_cores_.begin(), shared_cores_.end(), cpu) == 1)
    return std::to_string(cpu);
  const auto first = std::find(shared_cores_.begin(), shared_cores_.end(), cpu);
  return fmt::format("{}/{}", cpu, core - static_cast<uint32_t>(first - shared_cores_.begin()));
}

// An NF whose host has died, and which is to be started again.
Json Manager::waiting_report(const Comeback& comeback, const NfGroup& group, uint32_t nf) const {
  Json report{{"id", nf},
              {"service", service_names_[group.service]},
              {"module", group.module},
              {"tier", tier_name(comeback.tier)},
              {"tenant", comeback.tenant},
              {"host", comeback.host},
              {"core", cpu_of(comeback.core)},
              {"core_name", core_name(comeback.core)},
              {"weight", group.weight},
              {"state", "waiting"},
              {"delivered", 0},
              {"packets", 0},
              {"cycles_per_packet", 0.0},
              {"restarts_in_ms", comeback.history.due_ms - std::min(comeback.history.due_ms, now_ms())}};
  if (const uint32_t times = crashes_.times(nf); times != 0) report["crashes"] = times;
  return report;
}

Json Manager::ps(int64_t after, uint32_t limit) {
  limit = std::min(limit, kNfsShown);
  Json nfs = Json::array(), hosts = Json::array();
  const uint32_t from = after < 0 ? 0 : static_cast<uint32_t>(std::min<int64_t>(after, UINT32_MAX - 1) + 1);
  const NfGroup* around = registry_.group_of(from);
  auto it = registry_.groups().lower_bound(around == nullptr ? from : around->first);
  auto waiting = comebacks_.group_from(from);
  while (nfs.size() < limit && (waiting || it != registry_.groups().end())) {
    if (waiting && (it == registry_.groups().end() || *waiting < it->first)) {
      const Comeback& comeback = *comebacks_.of_group(*waiting);
      const NfGroup& group = comeback.groups.at(*waiting);
      for (uint32_t i = from > group.first ? from - group.first : 0; i < group.count && nfs.size() < limit; ++i)
        nfs.push_back(waiting_report(comeback, group, group.first + i));
      waiting = comebacks_.group_from(group.first + group.count);
      continue;
    }
    const NfGroup& group = it->second;
    const HostLink& host = *registry_.hosts().at(group.host);
    const HostRegion region(host.region.data(), host.layout);
    ++it;
    for (uint32_t i = from > group.first ? from - group.first : 0; i < group.count && nfs.size() < limit; ++i) {
      const uint32_t nf = group.first + i;
      const NfRecord& record = region.nf(group.place + i);
      const uint64_t packets = record.packets.load(std::memory_order_relaxed);
      const uint64_t cycles = record.cycles.load(std::memory_order_relaxed);
      nfs.push_back(
          {{"id", nf},
           {"service", service_names_[group.service]},
           {"module", group.module},
           {"tier", tier_name(host.tier)},
           {"tenant", host.tenant},
           {"domain", domains_.name(host.domain)},
           {"host", host.id},
           {"core", cpu_of(host.core)},
           {"core_name", core_name(host.core)},
           {"loop", loops_->number_of_core(host.core)},
           {"weight", group.weight},
           {"state", host.dead             ? "leaving"
                     : quarantine_.has(nf) ? "quarantined"
                                           : "live"},
           {"delivered", home_of(host).nf_delivered(nf)},
           {"packets", packets},
           {"cycles_per_packet", packets == 0 ? 0.0 : static_cast<double>(cycles) / static_cast<double>(packets)}});
      if (quarantine_.has(nf) || quarantine_.times(nf) != 0 || crashes_.times(nf) != 0)
        nfs.back().update(quarantine_report(nf));
    }
  }
  std::vector<uint32_t> held;
  std::vector<Json> follows;
  loops_->together([&] {
    for (auto each = registry_.hosts().begin(); each != registry_.hosts().end() && held.size() < kHostsShown; ++each) {
      const DataLoop& home = home_of(*each->second);
      held.push_back(home.owned(each->first));
      follows.push_back(followed(home.control_of(each->first), tsc_hz_));
    }
  });
  for (const auto& [id, host] : registry_.hosts()) {
    if (hosts.size() == kHostsShown) break;
    const auto& report = HostRegion(host->region.data(), host->layout).worker().report;
    hosts.push_back({{"id", id},
                     {"pid", host->pid},
                     {"core", cpu_of(host->core)},
                     {"core_name", core_name(host->core)},
                     {"loop", loops_->number_of_core(host->core)},
                     {"moves", host->moves},
                     {"tier", tier_name(host->tier)},
                     {"tenant", host->tenant},
                     {"domain", domains_.name(host->domain)},
                     {"nfs", host->nfs},
                     {"packets_held", held[hosts.size()]},
                     {"state", host->dead ? "dead" : "live"},
                     {"dispatches", report.dispatches.load(std::memory_order_relaxed)},
                     {"sleeps", report.sleeps.load(std::memory_order_relaxed)},
                     {"yields", report.yields.load(std::memory_order_relaxed)}});
    hosts.back().update(follows[hosts.size() - 1]);
    if (const uint32_t calls = report.refused_calls.load(std::memory_order_relaxed); calls != 0)
      hosts.back().update(
          {{"refused_calls", calls}, {"refused_call", call_name(report.refused_call.load(std::memory_order_relaxed))}});
    if (host->history.managers != 0) hosts.back()["taken_back"] = host->history.managers;
    if (const HostHistory& history = host->history; !history.last_crash.is_null())
      hosts.back().update({{"restarts", history.restarts}, {"last_crash", history.last_crash}});
  }
  return {{"total", registry_.nfs() + comebacks_.nfs()}, {"loops", loops_->size()}, {"nfs", nfs},
          {"hosts_total", registry_.hosts().size()},     {"hosts", hosts},          {"events", events_.troubles()}};
}

Json Manager::stats(bool with_memory) {
  Json result;
  loops_->together([&] {  // between two turns, so that the books are of one moment
    const LoopBooks books = loops_->books();
    Json dropped = Json::object(), at_entry = Json::object();
    uint64_t midway = 0;
    for (size_t i = 0; i < kDropCauseNames.size(); ++i) {
      const uint64_t count = loops_->dropped(i), early = loops_->dropped_at_entry(i);
      if (count != 0) dropped[std::string(kDropCauseNames[i])] = count;
      if (early != 0) at_entry[std::string(kDropCauseNames[i])] = early;
      if (wastes_work(static_cast<DropCause>(i))) midway += count - early;
    }
    result = {{"received", books.received}, {"created", books.created},     {"transmitted", books.transmitted},
              {"dropped", dropped},         {"dropped_at_entry", at_entry}, {"dropped_midway", midway},
              {"held", books.held},         {"balanced", books.balanced()}, {"packets_in_use", pool_->in_use()}};
    result["loops"] = loop_reports();
    for (const char* key : {"flows", "paths"}) {
      uint64_t sum = 0;
      for (const Json& loop : result["loops"]) sum += loop[key].get<uint64_t>();
      result[key] = sum;
    }
  });
  result["uptime_s"] = uptime_s();
  result["nfs_live"] = registry_.nfs();
  result["rules"] = rules_.rules().size();
  result["hosts_live"] = registry_.hosts().size() - hosts_leaving_;
  uint64_t with_packets = 0;  // in the middle of runs, only the worker sees them
  for (const auto& [first, group] : registry_.groups()) {
    const HostLink& host = *registry_.hosts().at(group.host);
    const HostRegion region(host.region.data(), host.layout);
    for (uint32_t i = 0; i < group.count; ++i)
      with_packets += region.nf(group.place + i).packets.load(std::memory_order_relaxed) != 0;
  }
  result["nfs_with_packets"] = with_packets;
  const std::pair<const char*, LoopCounters::Count LoopCounters::*> plain[] = {
      {"delivered", &LoopCounters::delivered},
      {"collected", &LoopCounters::collected},
      {"kernel_wakes", &LoopCounters::kernel_wakes},
      {"wakes_by_deadline", &LoopCounters::wakes_by_deadline},
      {"wakes_ahead", &LoopCounters::wakes_ahead},
      {"thresholds_changed", &LoopCounters::thresholds_changed},
      {"ecn_marked", &LoopCounters::ecn_marked},
      {"core_waits", &LoopCounters::core_waits},
      {"turns_ended", &LoopCounters::turns_ended},
      {"turns_renewed", &LoopCounters::turns_renewed},
      {"squats", &LoopCounters::squats},
      {"set_backs", &LoopCounters::set_backs},
      {"moves", &LoopCounters::moves},
      {"refused", &LoopCounters::refused},
      {"breaches", &LoopCounters::breaches},
      {"turns", &LoopCounters::turns},
      {"loop_sleeps", &LoopCounters::sleeps},
      {"flows_new", &LoopCounters::flows_new},
      {"flows_unpinned", &LoopCounters::flows_unpinned},
      {"crossed", &LoopCounters::crossed},
      {"rule_lookups", &LoopCounters::rule_lookups},
      {"handed_over", &LoopCounters::handed_over}};
  for (const auto& [name, counter] : plain) result[name] = loops_->sum(counter);
  const auto us = [this](uint64_t cycles) { return static_cast<double>(cycles) * 1e6 / static_cast<double>(tsc_hz_); };
  const auto latencies = loops_->latency();
  const Histogram& latency = *latencies;
  result["latency_us"] = {{"count", latency.count()},
                          {"p50", us(latency.quantile(0.5))},
                          {"p99", us(latency.quantile(0.99))},
                          {"p999", us(latency.quantile(0.999))},
                          {"max", us(latency.quantile(1.0))}};
  result["ports"] = ports();
  result["domains"] = domain_stats();
  if (with_memory) result["memory"] = memory_stats();
  return result;
}

Json Manager::loop_reports() const {
  Json list = Json::array();
  for (uint32_t number = 0; number < loops_->size(); ++number) {
    const DataLoop& loop = (*loops_)[number];
    const LoopBooks books = loop.books();
    list.push_back({{"loop", number},
                    {"core", loops_->cpu(number)},
                    {"received", books.received},
                    {"created", books.created},
                    {"taken_over", books.taken_over},
                    {"transmitted", books.transmitted},
                    {"dropped", books.dropped},
                    {"handed_over", books.handed_over},
                    {"held", books.held},
                    {"balanced", books.balanced()},
                    {"flows", loop.flows()},
                    {"paths", loop.paths()},
                    {"turns", loop.counters().turns.get()},
                    {"sleeps", loop.counters().sleeps.get()}});
  }
  return list;
}

Json Manager::ports() {
  Json ports = Json::array();
  for (const auto& queues : port_queues_) {
    const auto sum = [&](PortCounters::Count PortCounters::*counter) {
      uint64_t all = 0;
      for (const Port* queue : queues) all += (queue->counters().*counter).get();
      return all;
    };
    const auto lost = [&](PortCounters::Count PortCounters::ReceiveDropped::*counter) {
      uint64_t all = 0;
      for (const Port* queue : queues) all += (queue->counters().receive_dropped.*counter).get();
      return all;
    };
    using Lost = PortCounters::ReceiveDropped;
    for (Port* const queue : queues) queue->read_kernel_counts();
    const Port& port = *queues.front();
    ports.push_back({{"name", port.name()},
                     {"kind", port_kinds_[port.index()]},
                     {"loops", port_loops_[port.index()]},
                     {"received", sum(&PortCounters::received)},
                     {"received_bytes", sum(&PortCounters::received_bytes)},
                     {"transmitted", sum(&PortCounters::transmitted)},
                     {"transmitted_bytes", sum(&PortCounters::transmitted_bytes)},
                     {"transmit_dropped", sum(&PortCounters::transmit_dropped)},
                     {"receive_dropped",
                      {{"no_buffer", lost(&Lost::no_buffer)},
                       {"oversize", lost(&Lost::oversize)},
                       {"runt", lost(&Lost::runt)},
                       {"missed", lost(&Lost::missed)},
                       {"malformed", lost(&Lost::malformed)}}}});
    if (port.link() != LinkState::none) ports.back()["link"] = link_state_name(port.link());
    if (const auto& chain = port_chains_[port.index()]; !chain.empty()) ports.back()["chain"] = chain;
  }
  return ports;
}

Json Manager::domain_stats() const {
  Json list = Json::array();
  for (const auto& domain : pool_->domains())
    list.push_back({{"name", domain.name}, {"packets", domain.packets}, {"in_use", domain.in_use()}});
  return list;
}

Json Manager::memory_stats() const {
  uint64_t hosts = 0, tables = page_table_bytes(getpid());
  for (const auto& [id, host] : registry_.hosts()) {
    if (host->dead) continue;
    hosts += pss_bytes(host->pid);
    tables += page_table_bytes(host->pid);
  }
  return {{"manager_bytes", pss_bytes(getpid())}, {"hosts_bytes", hosts}, {"page_table_bytes", tables}};
}

}  // namespace roost
