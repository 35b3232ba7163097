// SPDX-License-Identifier: BSD-3-Clause
// What operators see: NFs, hosts, counters, memory.
#include <seccomp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr uint32_t kHostsShown = 1'000;

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

}  // namespace

// The CPU; and where several shared cores have one CPU, which of them.
std::string Manager::core_name(uint32_t core) const {
  const uint32_t cpu = cpu_of(core);
  if (core >= shared_cores_.size() || std::count(shared_cores_.begin(), shared_cores_.end(), cpu) == 1)
    return std::to_string(cpu);
  const auto first = std::find(shared_cores_.begin(), shared_cores_.end(), cpu);
  return fmt::format("{}/{}", cpu, core - static_cast<uint32_t>(first - shared_cores_.begin()));
}

Json Manager::ps(int64_t after, uint32_t limit) {
  Json nfs = Json::array(), hosts = Json::array();
  const uint32_t from = after < 0 ? 0 : static_cast<uint32_t>(std::min<int64_t>(after, UINT32_MAX - 1) + 1);
  const NfGroup* around = registry_.group_of(from);
  auto it = registry_.groups().lower_bound(around == nullptr ? from : around->first);
  for (; it != registry_.groups().end() && nfs.size() < limit; ++it) {
    const NfGroup& group = it->second;
    const HostLink& host = *registry_.hosts().at(group.host);
    const HostRegion region(host.region.data(), host.layout);
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
           {"weight", group.weight},
           {"state", host.dead             ? "leaving"
                     : quarantine_.has(nf) ? "quarantined"
                                           : "live"},
           {"delivered", loop_->nf_delivered(nf)},
           {"packets", packets},
           {"cycles_per_packet", packets == 0 ? 0.0 : static_cast<double>(cycles) / static_cast<double>(packets)}});
      if (quarantine_.has(nf) || quarantine_.times(nf) != 0) nfs.back().update(quarantine_report(nf));
    }
  }
  std::vector<uint32_t> held;
  loop_->call([&] {
    for (auto each = registry_.hosts().begin(); each != registry_.hosts().end() && held.size() < kHostsShown; ++each)
      held.push_back(loop_->owned(each->first));
  });
  for (const auto& [id, host] : registry_.hosts()) {
    if (hosts.size() == kHostsShown) break;
    const auto& report = HostRegion(host->region.data(), host->layout).worker().report;
    hosts.push_back({{"id", id},
                     {"pid", host->pid},
                     {"core", cpu_of(host->core)},
                     {"core_name", core_name(host->core)},
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
    if (const uint32_t calls = report.refused_calls.load(std::memory_order_relaxed); calls != 0)
      hosts.back().update(
          {{"refused_calls", calls}, {"refused_call", call_name(report.refused_call.load(std::memory_order_relaxed))}});
  }
  return {{"total", registry_.nfs()},
          {"nfs", nfs},
          {"hosts_total", registry_.hosts().size()},
          {"hosts", hosts},
          {"events", events_.troubles()}};
}

Json Manager::stats(bool with_memory) {
  const LoopCounters& counters = loop_->counters();
  Json result;
  loop_->call([&] {  // between two turns, so that the books are of one moment
    const auto books = loop_->books();
    Json dropped = Json::object(), at_entry = Json::object();
    uint64_t midway = 0;
    for (size_t i = 0; i < kDropCauseNames.size(); ++i) {
      if (const uint64_t count = counters.dropped[i].get(); count != 0)
        dropped[std::string(kDropCauseNames[i])] = count;
      const uint64_t early = counters.dropped_at_entry[i].get();
      if (early != 0) at_entry[std::string(kDropCauseNames[i])] = early;
      if (wastes_work(static_cast<DropCause>(i))) midway += counters.dropped[i].get() - early;
    }
    result = {{"received", books.received}, {"created", books.created},         {"transmitted", books.transmitted},
              {"dropped", dropped},         {"dropped_at_entry", at_entry},     {"dropped_midway", midway},
              {"held", books.held},         {"balanced", books.balanced()},     {"flows", loop_->flows()},
              {"paths", loop_->paths()},    {"packets_in_use", pool_->in_use()}};
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
  const std::pair<const char*, const LoopCounters::Count*> plain[] = {
      {"delivered", &counters.delivered},
      {"collected", &counters.collected},
      {"kernel_wakes", &counters.kernel_wakes},
      {"wakes_by_deadline", &counters.wakes_by_deadline},
      {"wakes_ahead", &counters.wakes_ahead},
      {"ecn_marked", &counters.ecn_marked},
      {"core_waits", &counters.core_waits},
      {"turns_ended", &counters.turns_ended},
      {"turns_renewed", &counters.turns_renewed},
      {"squats", &counters.squats},
      {"moves", &counters.moves},
      {"refused", &counters.refused},
      {"breaches", &counters.breaches},
      {"turns", &counters.turns},
      {"loop_sleeps", &counters.sleeps},
      {"flows_new", &counters.flows_new},
      {"flows_unpinned", &counters.flows_unpinned},
      {"crossed", &counters.crossed},
      {"rule_lookups", &counters.rule_lookups}};
  for (const auto& [name, counter] : plain) result[name] = counter->get();
  const auto us = [this](uint64_t cycles) { return static_cast<double>(cycles) * 1e6 / static_cast<double>(tsc_hz_); };
  const Histogram& latency = loop_->latency();
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

Json Manager::ports() {
  Json ports = Json::array();
  for (const auto& port : loop_->ports()) {
    port->read_kernel_counts();
    const PortCounters& count = port->counters();
    ports.push_back({{"name", port->name()},
                     {"kind", port_kinds_[port->index()]},
                     {"received", count.received.get()},
                     {"received_bytes", count.received_bytes.get()},
                     {"transmitted", count.transmitted.get()},
                     {"transmitted_bytes", count.transmitted_bytes.get()},
                     {"transmit_dropped", count.transmit_dropped.get()},
                     {"receive_dropped",
                      {{"no_buffer", count.receive_dropped.no_buffer.get()},
                       {"oversize", count.receive_dropped.oversize.get()},
                       {"runt", count.receive_dropped.runt.get()},
                       {"missed", count.receive_dropped.missed.get()},
                       {"malformed", count.receive_dropped.malformed.get()}}}});
    if (port->link() != LinkState::none) ports.back()["link"] = link_state_name(port->link());
    if (const auto& chain = port_chains_[port->index()]; !chain.empty()) ports.back()["chain"] = chain;
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
