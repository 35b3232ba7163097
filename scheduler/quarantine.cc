// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/quarantine.h"

namespace roost {

void Quarantine::look_at(uint32_t nf, History& history, std::optional<uint64_t> at_ms) {
  if (history.look_ms) looks_.erase({*history.look_ms, nf});
  history.look_ms = at_ms;
  if (at_ms) looks_.emplace(*at_ms, nf);
}

void Quarantine::seen(uint32_t nf) { nfs_.insert(nf); }

void Quarantine::cleared(uint32_t nf) { nfs_.erase(nf); }

void Quarantine::confirmed(uint32_t nf, const RestartLimits& limits, uint64_t now_ms) {
  History& history = histories_[nf];
  history.backoff.quarantined(history.times == 0 ? kNeverQuarantined_ms : now_ms - history.since_ms, limits);
  ++history.times;
  history.waits = has(nf);
  history.since_ms = now_ms;
  settle(nf, limits);
}

void Quarantine::released(uint32_t nf, bool by_operator, uint64_t now_ms) {
  nfs_.erase(nf);
  const auto found = histories_.find(nf);
  if (found == histories_.end()) return;
  History& history = found->second;
  history.waits = false;
  history.due_ms = std::nullopt;
  look_at(nf, history, std::nullopt);
  history.since_ms = now_ms;
  if (by_operator) history.backoff.start_over();
}

void Quarantine::forget(uint32_t first, uint32_t count) {
  const auto from = histories_.lower_bound(first);
  const auto to = histories_.lower_bound(first + count);
  for (auto it = from; it != to; ++it) look_at(it->first, it->second, std::nullopt);
  histories_.erase(from, to);
  nfs_.erase(nfs_.lower_bound(first), nfs_.lower_bound(first + count));
}

void Quarantine::settle(uint32_t nf, const RestartLimits& limits) {
  const auto found = histories_.find(nf);
  if (found == histories_.end() || !found->second.waits) return;
  History& history = found->second;
  const auto delay_ms = history.backoff.delay_ms(limits);
  history.due_ms = delay_ms ? std::optional(history.since_ms + *delay_ms) : std::nullopt;
  look_at(nf, history, history.due_ms);
}

void Quarantine::put_off(uint32_t nf, uint64_t until_ms) {
  const auto found = histories_.find(nf);
  if (found != histories_.end() && found->second.due_ms) look_at(nf, found->second, until_ms);
}

uint32_t Quarantine::times(uint32_t nf) const {
  const auto found = histories_.find(nf);
  return found == histories_.end() ? 0 : found->second.times;
}

std::optional<uint64_t> Quarantine::due_ms(uint32_t nf) const {
  const auto found = histories_.find(nf);
  return found == histories_.end() ? std::nullopt : found->second.due_ms;
}

std::optional<uint64_t> Quarantine::next_ms() const {
  return looks_.empty() ? std::nullopt : std::optional(looks_.begin()->first);
}

std::vector<uint32_t> Quarantine::due(uint64_t now_ms, size_t most) const {
  std::vector<uint32_t> nfs;
  for (auto it = looks_.begin(); it != looks_.end() && it->first <= now_ms && nfs.size() < most; ++it)
    nfs.push_back(it->second);
  return nfs;
}

}  // namespace roost
