// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/port_pieces.h"

#include "core/rules/port_halves.h"

namespace roost {
namespace {

constexpr uint16_t swapped(uint16_t value) noexcept { return static_cast<uint16_t>(value << 8 | value >> 8); }

struct Block {
  uint16_t value, mask;  // in host order
  int half;              // 1: the upper one, 0: the lower one, -1: not told
};

// A range as the fewest aligned blocks.
std::vector<Block> blocks_of(PortRange range, bool split) {
  const bool low = range == PortRange{0, kHighPortsFrom - 1}, high = range == PortRange{kHighPortsFrom, UINT16_MAX};
  if (!split && (low || high)) return {{0, 0, high ? 1 : 0}};
  std::vector<Block> blocks;
  for (uint32_t at = range.first; at <= range.last;) {
    uint32_t size = at == 0 ? 1U << 16 : at & -at;
    while (at + size - 1 > range.last) size /= 2;
    int half = -1;
    if (split && at >= kHighPortsFrom) half = 1;
    if (split && at + size <= kHighPortsFrom) half = 0;
    blocks.push_back({static_cast<uint16_t>(at), static_cast<uint16_t>(~(size - 1)), half});
    at += size;
  }
  return blocks;
}

void say_half(MaskedWords& piece, int half, uint64_t bit) {
  if (half == -1) return;
  piece.mask[PortHalves::kWord] |= bit;
  if (half == 1) piece.value[PortHalves::kWord] |= bit;
}

}  // namespace

std::vector<MaskedWords> port_pieces(const RuleMatch& match, bool split) {
  std::vector<MaskedWords> pieces;
  for (const Block& source : blocks_of(match.source_ports, split))
    for (const Block& destination : blocks_of(match.destination_ports, split)) {
      PacketFields value = match.value, mask = match.mask;
      value.source_port = swapped(source.value);
      mask.source_port = swapped(source.mask);
      value.destination_port = swapped(destination.value);
      mask.destination_port = swapped(destination.mask);
      MaskedWords& piece = pieces.emplace_back(MaskedWords{value.words(), mask.words()});
      say_half(piece, source.half, PortHalves::kSourceBit);
      say_half(piece, destination.half, PortHalves::kDestinationBit);
    }
  return pieces;
}

}  // namespace roost
