// SPDX-License-Identifier: BSD-3-Clause
// What an NF says about a packet, and how it crosses the border.
#pragma once

#include <cstdint>

namespace roost {

// One word: kind in bits 0-7, argument (port or service) in bits 8-23, hops taken in bits 24-31.
struct Verdict {
  enum Kind : uint8_t { kNext, kOut, kTo, kDrop, kKeep };

  uint32_t word = kNext;

  constexpr Kind kind() const noexcept { return static_cast<Kind>(word & 0xff); }
  constexpr uint16_t argument() const noexcept { return static_cast<uint16_t>(word >> 8); }
  constexpr uint8_t hops() const noexcept { return static_cast<uint8_t>(word >> 24); }
  constexpr Verdict with_hops(uint32_t hops) const noexcept { return {(word & 0xffffff) | hops << 24}; }
  constexpr bool operator==(const Verdict&) const = default;
};

// The next service of the packet's chain; behind the last one, out of the chain's port.
constexpr Verdict next() noexcept { return {Verdict::kNext}; }
// Out of this port; the rest of the chain is not visited.
constexpr Verdict out(uint16_t port) noexcept { return {Verdict::kOut | uint32_t{port} << 8}; }
// To an NF of this service (Context::service gives its number), then out of the chain's port.
constexpr Verdict to(uint16_t service) noexcept { return {Verdict::kTo | uint32_t{service} << 8}; }
constexpr Verdict drop() noexcept { return {Verdict::kDrop}; }
// No NF has seen it: its NF is quarantined, and the worker gives back what waits. Not for NFs to say.
inline constexpr uint16_t kUnseen = 1;
constexpr Verdict unseen() noexcept { return {Verdict::kDrop | uint32_t{kUnseen} << 8}; }
// The NF keeps the packet and sends it later, with Context::send.
constexpr Verdict keep() noexcept { return {Verdict::kKeep}; }

}  // namespace roost
