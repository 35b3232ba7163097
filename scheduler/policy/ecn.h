// SPDX-License-Identifier: BSD-3-Clause
// Explicit congestion notification (RFC 3168): a packet that has been here for too long, and whose sender understands
// it, says so when it leaves; the sender slows down before anything has to be dropped. Too long is judged by the time
// that the packet spent here, not by how many wait: the same limit serves NFs of any speed (as CoDel does, RFC 8289).
#pragma once

#include <cstdint>

namespace roost {

// The two bits: not capable, capable (either), congestion experienced.
enum class Ecn : uint8_t { not_ect = 0, ect1 = 1, ect0 = 2, ce = 3 };

constexpr bool ecn_capable(Ecn ecn) noexcept { return ecn == Ecn::ect0 || ecn == Ecn::ect1; }

// An IPv4 header checksum after one 16-bit word of the header has changed (RFC 1624, equation 3).
constexpr uint16_t checksum_after(uint16_t checksum, uint16_t before, uint16_t after) noexcept {
  uint32_t sum = uint32_t{static_cast<uint16_t>(~checksum)} + static_cast<uint16_t>(~before) + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// Marks an Ethernet frame, of which `bytes` lie at `frame`: IPv4 or IPv6, behind up to two VLAN tags. False: nothing
// has changed, since it is something else, is cut short, is not capable or is marked already.
constexpr bool mark_congestion(uint8_t* frame, uint32_t bytes) noexcept {
  constexpr uint32_t kTypeAt = 12, kVlanBytes = 4, kIpv4Bytes = 20, kIpv6Bytes = 40;
  const auto read16 = [frame](uint32_t at) { return static_cast<uint16_t>(frame[at] << 8 | frame[at + 1]); };
  uint32_t at = kTypeAt;
  for (uint32_t tags = 0;; ++tags) {
    if (bytes < at + 2) return false;
    const uint16_t type = read16(at);
    if (tags < 2 && (type == 0x8100 || type == 0x88a8)) {
      at += kVlanBytes;
      continue;
    }
    at += 2;
    if (type == 0x0800) {
      if (bytes < at + kIpv4Bytes || frame[at] >> 4 != 4) return false;
      if (!ecn_capable(static_cast<Ecn>(frame[at + 1] & 3))) return false;
      const uint16_t before = read16(at);
      frame[at + 1] |= 3;
      const uint16_t checksum = checksum_after(read16(at + 10), before, read16(at));
      frame[at + 10] = static_cast<uint8_t>(checksum >> 8);
      frame[at + 11] = static_cast<uint8_t>(checksum);
      return true;
    }
    if (type != 0x86dd || bytes < at + kIpv6Bytes || frame[at] >> 4 != 6) return false;
    if (!ecn_capable(static_cast<Ecn>(frame[at + 1] >> 4 & 3))) return false;
    frame[at + 1] |= 0x30;
    return true;
  }
}

}  // namespace roost
