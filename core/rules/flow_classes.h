// SPDX-License-Identifier: BSD-3-Clause
// Flows told apart by more than their key. Where rules look at fields beyond it (a VLAN, DSCP, ...), each combination
// of such fields and of the port that packets come in by has a class, a number that takes the port's place in the key.
// So one flow table serves, its rows stay as small as they are, and what it remembers of a flow holds for all its
// packets.
//
// One thread at a time. Construction allocates all memory (address space; it is used as classes come).
#pragma once

#include <array>
#include <cstdint>

#include "core/lazy_array.h"
#include "core/rules/packet_fields.h"

namespace roost {

class FlowClasses {
 public:
  static constexpr uint16_t kFirst = 0x8000;  // ports are below
  static constexpr uint16_t kNone = 0xffff;
  static constexpr uint32_t kClassesMax = kNone - kFirst;

  // `beyond`: the fields of BeyondKey that count.
  explicit FlowClasses(uint32_t beyond);

  uint32_t beyond() const noexcept { return beyond_; }
  uint32_t size() const noexcept { return size_; }
  bool full() const noexcept { return size_ == kClassesMax; }

  // The class of a packet, made if it is new; kNone: there is no room for more.
  uint16_t number(const PacketFields& fields) noexcept;
  // kNone: there is no such class.
  uint16_t find(const PacketFields& fields) const noexcept;

 private:
  using Row = std::array<uint64_t, 4>;
  struct Slot {
    Row row;
    uint64_t number;  // 0: free
  };
  static constexpr uint32_t kSlots = 1U << 16;

  Row row_of(const PacketFields& fields) const noexcept;
  uint32_t place_of(const Row& row) const noexcept;  // of its slot, or of the free one where it would be

  const uint32_t beyond_;
  Row mask_{};
  Row last_{};
  uint16_t last_number_ = kNone;
  uint32_t size_ = 0;
  LazyArray<Slot> slots_;
};

}  // namespace roost
