// SPDX-License-Identifier: BSD-3-Clause
// NFs that don't come back from process(): quarantined, and brought back.
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {

std::string Manager::nf_name(uint32_t nf) const {
  const NfGroup& group = *registry_.group_of(nf);
  const HostLink& host = *registry_.hosts().at(group.host);
  return fmt::format("NF {} of '{}' ('{}', {})", nf, service_names_[group.service], group.module, host.name());
}

std::optional<uint32_t> Manager::nf_at(const HostLink& host, uint32_t place) const {
  for (const uint32_t first : host.groups) {
    const NfGroup& group = registry_.group(first);
    if (place >= group.place && place - group.place < group.count) return first + (place - group.place);
  }
  return std::nullopt;
}

uint32_t Manager::state_of(uint32_t nf) const {
  const NfGroup& group = *registry_.group_of(nf);
  const HostLink& host = *registry_.hosts().at(group.host);
  return HostRegion(host.region.data(), host.layout).nf(group.place + nf - group.first).state.load();
}

uint32_t Manager::runaways_of(const HostLink& host) const {
  uint32_t count = 0;
  for (const uint32_t nf : quarantine_.nfs()) {
    const NfGroup* const group = registry_.group_of(nf);
    count += group != nullptr && group->host == host.id && state_of(nf) == kNfRunaway;
  }
  return count;
}

// What the loop saw. The NF gets nothing new from the first suspicion on: its packets would only wait.
void Manager::on_overrun(HostLink& host, const Overrun& overrun) {
  using Kind = Overrun::Kind;
  if (host.dead) return;
  const auto nf = nf_at(host, overrun.nf);
  if (!nf) return;
  switch (overrun.kind) {
    case Kind::seen:
      // It has run for less than it was watched: others may have kept it from the processor.
      if (!quarantine_.has(*nf) && (overrun.ran || !host.wants_processor())) quarantine(host, *nf, overrun);
      break;
    case Kind::ended:
      quarantine_.cleared(*nf);
      inheritance_->keep_group_of(*nf);
      loops_->each([nf](DataLoop& loop) { loop.release_nf(*nf); });
      break;
    case Kind::taken:
      confirm_quarantine(*nf);
      break;
    case Kind::stuck:
      host.history.suspect = *nf;
      kill_host(host, fmt::format("NF {} does not come back from process(), and its thread does not leave the worker "
                                  "to others when signalled",
                                  *nf));
      break;
  }
}

void Manager::quarantine(HostLink& host, uint32_t nf, const Overrun& overrun) {
  const uint64_t most = settings_.get(Setting::runaways_max);
  if (runaways_of(host) >= most) {
    host.history.suspect = nf;
    return kill_host(host, fmt::format("NF {} does not come back from process(), nor do {} others that are quarantined "
                                       "(setting runaways_max: {})",
                                       nf, runaways_of(host), most));
  }
  quarantine_.seen(nf);
  inheritance_->keep_group_of(nf);
  loops_->each([&](DataLoop& loop) { loop.quarantine_nf(nf, overrun.dispatches); });
  try {
    host.tell("overrun", {{"nf", overrun.nf}, {"dispatches", overrun.dispatches}});
  } catch (const Error&) {  // it has ended; that is an event of its own
  }
}

void Manager::resume(uint32_t nf, bool by_operator) {
  const NfGroup& group = *registry_.group_of(nf);
  HostLink& host = *registry_.find_host(group.host);
  if (host.dead) fail("its host has ended");
  wake_if_asked(host, host.ask("resume", {{"nf", group.place + nf - group.first}}));
  quarantine_.released(nf, by_operator, now_ms());
  inheritance_->keep_group_of(nf);
  if (by_operator) crashes_.released(nf);
  loops_->each([nf](DataLoop& loop) { loop.release_nf(nf); });
}

uint32_t Manager::resume_nfs(std::vector<uint32_t> nfs) {
  std::sort(nfs.begin(), nfs.end());
  nfs.erase(std::unique(nfs.begin(), nfs.end()), nfs.end());
  for (const uint32_t nf : nfs) {
    if (comebacks_.of_nf(nf) != nullptr) fail("resume: NF {} waits for its host to be started again", nf);
    if (registry_.group_of(nf) == nullptr) fail("resume: there is no NF {}; 'roost ps' lists them", nf);
    if (!quarantine_.has(nf)) fail("resume: {} is not quarantined", nf_name(nf));
  }
  std::vector<std::string> problems;
  uint32_t resumed = 0;
  for (const uint32_t nf : nfs) {
    try {
      resume(nf, true);
      ++resumed;
    } catch (const Error& error) {
      problems.push_back(fmt::format("NF {}: {}", nf, error.what()));
    }
  }
  set_restart_timer();
  if (!problems.empty())
    fail("resume: {}{}", fmt::join(problems, "; "), resumed == 0 ? "" : fmt::format("; {} others resumed", resumed));
  return resumed;
}

}  // namespace roost
