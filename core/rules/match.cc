// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/match.h"

#include <algorithm>
#include <bit>

namespace roost {
namespace {

constexpr uint16_t swapped(uint16_t value) noexcept { return static_cast<uint16_t>(value << 8 | value >> 8); }

struct MaskedPort {
  uint16_t value, mask;  // in host order
};

// A range as the fewest aligned blocks.
std::vector<MaskedPort> blocks_of(PortRange range) {
  std::vector<MaskedPort> blocks;
  for (uint32_t at = range.first; at <= range.last;) {
    uint32_t size = at == 0 ? 1U << 16 : at & -at;
    while (at + size - 1 > range.last) size /= 2;
    blocks.push_back({static_cast<uint16_t>(at), static_cast<uint16_t>(~(size - 1))});
    at += size;
  }
  return blocks;
}

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

std::vector<MaskedWords> pieces_of(const RuleMatch& match) {
  std::vector<MaskedWords> pieces;
  for (const MaskedPort source : blocks_of(match.source_ports))
    for (const MaskedPort destination : blocks_of(match.destination_ports)) {
      PacketFields value = match.value, mask = match.mask;
      value.source_port = swapped(source.value);
      mask.source_port = swapped(source.mask);
      value.destination_port = swapped(destination.value);
      mask.destination_port = swapped(destination.mask);
      pieces.push_back({value.words(), mask.words()});
    }
  return pieces;
}

}  // namespace roost
