// SPDX-License-Identifier: BSD-3-Clause
// A timer wheel of workers: each has at most one deadline. Arming, moving and disarming cost O(1), advancing costs what
// expires plus the occupied slots passed. One thread.
//
// Hashed hierarchical wheel: G. Varghese, T. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 7: four
// levels of 64 slots, a level's slot as long as the whole level below.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace roost {

class TimerWheel {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  // `tick` in the caller's unit (TSC cycles): the resolution; a deadline expires at most one tick late, never early.
  TimerWheel(uint64_t tick, uint64_t now) : tick_(tick), now_(now / tick) {
    for (auto& level : heads_) level.fill(kNone);
  }

  // Ids are small integers; the wheel's memory is linear in the largest.
  void reserve(uint32_t ids) {
    if (ids > entries_.size()) entries_.resize(ids);
  }
  bool armed(uint32_t id) const noexcept { return entries_[id].level != kIdle; }

  void arm(uint32_t id, uint64_t deadline) noexcept {
    disarm(id);
    entries_[id].due = deadline / tick_ + (deadline % tick_ != 0);
    link(id, now_ + 1);
    ++armed_;
  }

  void disarm(uint32_t id) noexcept {
    if (entries_[id].level == kIdle) return;
    unlink(id);
    --armed_;
  }

  // Calls expired(id) for each that is due; it may arm it again.
  template <typename Expired>
  void advance(uint64_t now, Expired&& expired) noexcept {
    const uint64_t target = now / tick_;
    while (now_ < target) {
      if (armed_ == 0) {
        now_ = target;
        return;
      }
      // Straight to the next occupied slot of the lowest level, or to its end, where the level above spills over.
      const uint64_t ahead = now_ % kSlots + 1 < kSlots ? occupied_[0] >> (now_ % kSlots + 1) : 0;
      const uint64_t step = ahead != 0 ? static_cast<uint64_t>(std::countr_zero(ahead)) + 1 : kSlots - now_ % kSlots;
      now_ = now_ + step < target ? now_ + step : target;
      if (now_ % kSlots == 0) cascade();
      expire(expired);
    }
  }

  // No armed deadline is earlier than this (it may be early by the length of a slot), kNever where none is armed.
  uint64_t next() const noexcept {
    if (armed_ == 0) return kNever;
    uint64_t earliest = kNever;
    for (uint32_t level = 0; level < kLevels; ++level) {
      if (occupied_[level] == 0) continue;
      const uint64_t at = now_ >> (6 * level);
      const uint64_t turned = std::rotr(occupied_[level], static_cast<int>((at + 1) % kSlots));
      earliest = std::min(earliest, (at + 1 + static_cast<uint64_t>(std::countr_zero(turned))) << (6 * level));
    }
    return earliest * tick_;
  }

 private:
  static constexpr uint32_t kLevels = 4, kSlots = 64, kNone = UINT32_MAX;
  static constexpr uint8_t kIdle = UINT8_MAX;

  struct Entry {
    uint64_t due = 0;  // in ticks
    uint32_t next = kNone, previous = kNone;
    uint8_t level = kIdle, slot = 0;
  };

  void link(uint32_t id, uint64_t earliest) noexcept {
    Entry& entry = entries_[id];
    const uint64_t horizon = uint64_t{1} << (6 * kLevels);
    uint64_t due = std::max(entry.due, earliest);
    if (due - now_ >= horizon) due = now_ + horizon - 1;  // looked at again there, since `entry.due` is kept
    uint32_t level = 0;
    // The lowest level whose current turn holds it.
    while (level + 1 < kLevels && (due >> (6 * level)) - (now_ >> (6 * level)) >= kSlots) ++level;
    entry.level = static_cast<uint8_t>(level);
    entry.slot = static_cast<uint8_t>((due >> (6 * level)) % kSlots);
    uint32_t& head = heads_[level][entry.slot];
    entry.next = head;
    entry.previous = kNone;
    if (head != kNone) entries_[head].previous = id;
    head = id;
    occupied_[level] |= uint64_t{1} << entry.slot;
  }

  void unlink(uint32_t id) noexcept {
    Entry& entry = entries_[id];
    uint32_t& head = heads_[entry.level][entry.slot];
    if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
    if (entry.previous != kNone)
      entries_[entry.previous].next = entry.next;
    else
      head = entry.next;
    if (head == kNone) occupied_[entry.level] &= ~(uint64_t{1} << entry.slot);
    entry.level = kIdle;
  }

  // The lowest level has come round: what the levels above hold for its next turn moves down.
  void cascade() noexcept {
    for (uint32_t level = 1; level < kLevels; ++level) {
      const uint32_t slot = static_cast<uint32_t>(now_ >> (6 * level)) % kSlots;
      while (heads_[level][slot] != kNone) {
        const uint32_t id = heads_[level][slot];
        unlink(id);
        link(id, now_);  // what is due now lands in the slot that expires next
      }
      if (slot != 0) break;
    }
  }

  template <typename Expired>
  void expire(Expired& expired) noexcept {
    const uint32_t slot = now_ % kSlots;
    while (heads_[0][slot] != kNone) {
      const uint32_t id = heads_[0][slot];
      unlink(id);
      --armed_;
      expired(id);
    }
  }

  uint64_t tick_;
  uint64_t now_;  // in ticks
  uint32_t armed_ = 0;
  std::array<uint64_t, kLevels> occupied_{};
  std::array<std::array<uint32_t, kSlots>, kLevels> heads_{};
  std::vector<Entry> entries_;
};

}  // namespace roost
