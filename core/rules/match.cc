// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/match.h"

#include "core/rules/port_pieces.h"

namespace roost {
namespace {

constexpr uint16_t swapped(uint16_t value) noexcept { return static_cast<uint16_t>(value << 8 | value >> 8); }

}  // namespace

bool RuleMatch::matches(const PacketFields& fields) const noexcept {
  const auto wanted = value.words(), under = mask.words(), there = fields.words();
  for (uint32_t i = 0; i < kFieldWords; ++i)
    if ((there[i] & under[i]) != wanted[i]) return false;
  return source_ports.has(swapped(fields.source_port)) && destination_ports.has(swapped(fields.destination_port));
}

bool covers(const RuleMatch& wide, const RuleMatch& narrow) noexcept {
  const auto value = wide.value.words(), mask = wide.mask.words();
  const auto narrow_value = narrow.value.words(), narrow_mask = narrow.mask.words();
  for (uint32_t i = 0; i < kFieldWords; ++i)
    if ((mask[i] & ~narrow_mask[i]) != 0 || (narrow_value[i] & mask[i]) != value[i]) return false;
  const auto within = [](PortRange inner, PortRange outer) {
    return outer.first <= inner.first && inner.last <= outer.last;
  };
  return within(narrow.source_ports, wide.source_ports) && within(narrow.destination_ports, wide.destination_ports);
}

std::vector<MaskedWords> pieces_of(const RuleMatch& match) { return port_pieces(match, false); }

}  // namespace roost
