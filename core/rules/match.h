// SPDX-License-Identifier: BSD-3-Clause
// What a rule matches, and what it does with it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/rules/packet_fields.h"

namespace roost {

// Of transport ports, in host order, both ends in it.
struct PortRange {
  uint16_t first = 0, last = UINT16_MAX;

  bool any() const noexcept { return first == 0 && last == UINT16_MAX; }
  bool has(uint16_t port) const noexcept { return first <= port && port <= last; }
  bool operator==(const PortRange&) const noexcept = default;
};

// A packet matches if its fields under the mask are the value, and its ports lie in the ranges. (The ports of value and
// mask are 0.)
struct RuleMatch {
  PacketFields value{}, mask{};
  PortRange source_ports, destination_ports;

  bool matches(const PacketFields& fields) const noexcept;
  bool operator==(const RuleMatch&) const noexcept = default;
};

struct RuleAction {
  enum class Kind : uint8_t { chain, port, drop };
  Kind kind = Kind::drop;
  uint16_t number = UINT16_MAX;  // of the chain or port

  bool operator==(const RuleAction&) const noexcept = default;
};

// Whether all that the narrow one matches is matched by the wide one.
bool covers(const RuleMatch& wide, const RuleMatch& narrow) noexcept;

// Values under masks: a match with ranges takes several.
struct MaskedWords {
  PacketFields::Words value, mask;
};
// At most kPiecesMax; one where there are no ranges.
std::vector<MaskedWords> pieces_of(const RuleMatch& match);
inline constexpr uint32_t kPiecesMax = 30 * 30;

}  // namespace roost
