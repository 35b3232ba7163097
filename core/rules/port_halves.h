// SPDX-License-Identifier: BSD-3-Clause
// The port ranges that nearly all lists with ranges use, 0-1023 and 1024-65535, as a bit that a table can look at like
// any other: so they take one hash table, where as prefixes the upper one takes six. The bits lie in the padding of a
// packet's fields, in copies that the rule table makes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/rules/packet_fields.h"

namespace roost {

inline constexpr uint16_t kHighPortsFrom = 1'024;

// Of packets' words.
class PortHalves {
 public:
  // Adds what the ports say.
  static void add_to(PacketFields::Words& words, const PacketFields& fields) noexcept {
    words[kWord] |= bit(fields.source_port, kSourceBit) | bit(fields.destination_port, kDestinationBit);
  }
  static constexpr uint64_t kSourceBit = uint64_t{1} << 40, kDestinationBit = uint64_t{1} << 41;
  static constexpr uint32_t kWord = 7;

 private:
  static_assert(std::endian::native == std::endian::little);
  static_assert(offsetof(PacketFields, pad) == 8 * kWord + 5);
  static uint64_t bit(uint16_t port, uint64_t bit) noexcept {
    return __builtin_bswap16(port) >= kHighPortsFrom ? bit : 0;
  }
};

}  // namespace roost
