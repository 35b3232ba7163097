// SPDX-License-Identifier: BSD-3-Clause
// Packet memory as both sides see it: where a handle's bytes are.
//
// An arena is one mapping of fixed-size packets at the same address in every process:
//
//   | view: an rte_mbuf, 128 B | metadata, 64 B | headroom, 128 B | data, 2,048 B |   = one stride
//
// The view and the bytes behind it are the hosts' to write; the manager relies on none of it (its own mbufs are private
// and point at the data). The stride is an odd number of cache lines, so that views spread over all cache sets.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

namespace roost {

// From 0x550000000000 on, addresses are free in plain, address- and thread-sanitizer builds. A large page further on,
// so that the page before the first window can be mapped as well (nflib/arenas.h).
inline constexpr uintptr_t kArenaBase = 0x550000200000;
inline constexpr uint32_t kHandlesPerNode = 1u << 22;  // the handles, and so the addresses, of all arenas together
// Each domain has an arena of its own. Its handles begin at a multiple of this, and so its addresses at a large page.
inline constexpr uint32_t kDomainHandles = 1u << 15;
inline constexpr uint32_t kDomainsMax = kHandlesPerNode / kDomainHandles;
inline constexpr uint32_t kNoHandle = UINT32_MAX;
inline constexpr uint32_t kSegmentsMax = 64;  // of a packet

inline constexpr uint32_t kViewBytes = sizeof(rte_mbuf);
inline constexpr uint32_t kMetadataBytes = 64;  // travels with the packet, for its NFs (rte_mbuf_to_priv)
inline constexpr uint32_t kHeadroomBytes = RTE_PKTMBUF_HEADROOM;
inline constexpr uint32_t kBufferBytes = kHeadroomBytes + 2048;
inline constexpr uint32_t kStrideBytes = kViewBytes + kMetadataBytes + kBufferBytes;
static_assert(kViewBytes == 128 && kStrideBytes % 64 == 0 && kStrideBytes / 64 % 2 == 1);
static_assert(uint64_t{kDomainHandles} * kStrideBytes % (2u << 20) == 0);

// What a domain of so many packets takes of the handles: an arena has one stride more.
constexpr uint64_t domain_handles(uint32_t packets) noexcept {
  return (uint64_t{packets} + kDomainHandles) / kDomainHandles * kDomainHandles;
}

inline uintptr_t packet_address(uint32_t handle) noexcept { return kArenaBase + uint64_t{handle} * kStrideBytes; }
inline rte_mbuf* packet_view(uint32_t handle) noexcept { return reinterpret_cast<rte_mbuf*>(packet_address(handle)); }
inline uint8_t* packet_buffer(uint32_t handle) noexcept {
  return reinterpret_cast<uint8_t*>(packet_address(handle) + kViewBytes + kMetadataBytes);
}
// What no delivery writes: the second cache line of a view. Whoever holds a packet may have changed it there, and puts
// it right before the packet is another's.
inline void reset_view(uint32_t handle) noexcept {
  packet_view(handle)->priv_size = kMetadataBytes;
  packet_view(handle)->next = nullptr;
}
// The handle whose stride holds this address; the caller knows that there is one.
inline uint32_t handle_at(const void* address) noexcept {
  return static_cast<uint32_t>((reinterpret_cast<uintptr_t>(address) - kArenaBase) / kStrideBytes);
}

}  // namespace roost
