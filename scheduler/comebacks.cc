// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/comebacks.h"

#include <algorithm>
#include <iterator>

namespace roost {
namespace {

// The part of a group from one of its NFs on.
NfGroup from(NfGroup group, uint32_t nf) {
  group.count -= nf - group.first;
  group.first = nf;
  return group;
}

}  // namespace

void Comebacks::add(Comeback comeback) {
  const uint64_t number = ++last_;
  due_.emplace(comeback.history.due_ms, number);
  for (const auto& [first, group] : comeback.groups) {
    of_group_[first] = number;
    nfs_ += group.count;
  }
  waiting_.emplace(number, std::move(comeback));
}

void Comebacks::remove(uint64_t number) {
  const auto found = waiting_.find(number);
  due_.erase({found->second.history.due_ms, number});
  for (const auto& [first, group] : found->second.groups) {
    of_group_.erase(first);
    nfs_ -= group.count;
  }
  waiting_.erase(found);
}

std::optional<uint64_t> Comebacks::next_ms() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

std::optional<Comeback> Comebacks::take_due(uint64_t now_ms) {
  if (due_.empty() || due_.begin()->first > now_ms) return std::nullopt;
  const uint64_t number = due_.begin()->second;
  Comeback comeback = waiting_.at(number);
  remove(number);
  return comeback;
}

const Comeback* Comebacks::of_group(uint32_t first) const {
  const auto found = of_group_.find(first);
  return found == of_group_.end() ? nullptr : &waiting_.at(found->second);
}

std::optional<uint32_t> Comebacks::group_from(uint32_t nf) const {
  const auto behind = of_group_.upper_bound(nf);
  if (behind != of_group_.begin()) {
    const auto& [first, number] = *std::prev(behind);
    if (nf - first < waiting_.at(number).groups.at(first).count) return first;
  }
  return behind == of_group_.end() ? std::nullopt : std::optional(behind->first);
}

const Comeback* Comebacks::of_nf(uint32_t nf) const {
  const auto first = group_from(nf);
  return first && *first <= nf ? of_group(*first) : nullptr;
}

Comebacks::Ranges Comebacks::cancel(uint32_t first, uint32_t count) {
  Ranges cancelled;
  const uint32_t end = first + count;
  for (auto at = group_from(first); at && *at < end; at = group_from(first)) {
    const uint64_t number = of_group_.at(*at);
    Comeback& comeback = waiting_.at(number);
    NfGroup group = std::move(comeback.groups.extract(*at).mapped());
    of_group_.erase(*at);
    const uint32_t group_end = group.first + group.count;
    const uint32_t from_nf = std::max(first, group.first), to_nf = std::min(end, group_end);
    const auto keep = [&](NfGroup part) {
      of_group_[part.first] = number;
      comeback.groups.emplace(part.first, std::move(part));
    };
    if (group_end > to_nf) keep(from(group, to_nf));
    if (group.first < from_nf) {
      group.count = from_nf - group.first;
      keep(std::move(group));
    }
    nfs_ -= to_nf - from_nf;
    cancelled.emplace_back(from_nf, to_nf - from_nf);
    if (comeback.groups.empty()) remove(number);
  }
  return cancelled;
}

Comebacks::Ranges Comebacks::cancel_service(uint16_t service) {
  Ranges cancelled;
  for (const auto& [number, comeback] : waiting_)
    for (const auto& [first, group] : comeback.groups)
      if (group.service == service) cancelled.emplace_back(first, group.count);
  for (const auto& [first, count] : cancelled) cancel(first, count);
  return cancelled;
}

}  // namespace roost
