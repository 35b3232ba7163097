// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/event_log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace roost {
namespace {

constexpr std::array<std::string_view, 6> kNames{"host", "nf", "quarantine", "link", "core", "chain"};

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string_view event_kind_name(EventKind kind) noexcept { return kNames[static_cast<size_t>(kind)]; }

void EventLog::add(EventKind kind, bool trouble, std::string text) {
  if (trouble) {
    troubles_.push_back(text);
    if (troubles_.size() > kTroublesShown) troubles_.pop_front();
  }
  events_.push_back({++last_, now_ms(), kind, trouble, std::move(text)});
  if (events_.size() > kKept) events_.pop_front();
}

Json EventLog::since(uint64_t after, uint32_t limit) const {
  Json list = Json::array();
  const uint64_t forgotten = last_ - events_.size();
  for (size_t i = after <= forgotten ? 0 : static_cast<size_t>(std::min<uint64_t>(after - forgotten, events_.size()));
       i < events_.size() && list.size() < limit; ++i) {
    const Event& event = events_[i];
    list.push_back({{"number", event.number},
                    {"time_ms", event.time_ms},
                    {"kind", event_kind_name(event.kind)},
                    {"trouble", event.trouble},
                    {"text", event.text}});
  }
  return {{"events", std::move(list)}, {"last", last_}};
}

Json EventLog::troubles() const { return troubles_; }

}  // namespace roost
