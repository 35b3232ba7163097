// SPDX-License-Identifier: BSD-3-Clause
// What has happened lately, numbered, for operators who look later or follow. Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/protocol.h"

namespace roost {

enum class EventKind : uint8_t { host, nf, quarantine, link, core, chain };
std::string_view event_kind_name(EventKind kind) noexcept;

class EventLog {
 public:
  static constexpr size_t kKept = 1'000, kTroublesShown = 100;

  // Trouble is what an operator should see without having asked for events: ps shows the latest.
  void add(EventKind kind, bool trouble, std::string text);

  // Those behind number `after`, oldest first, at most so many: {events: [{number, time_ms, kind, text}], last}.
  // Numbers begin at 1 and grow by one: a gap behind `after` is what was forgotten.
  Json since(uint64_t after, uint32_t limit) const;
  Json troubles() const;  // their texts, oldest first

 private:
  struct Event {
    uint64_t number;
    int64_t time_ms;  // since 1970
    EventKind kind;
    bool trouble;
    std::string text;
  };
  std::deque<Event> events_;
  std::deque<std::string> troubles_;
  uint64_t last_ = 0;
};

}  // namespace roost
