// SPDX-License-Identifier: BSD-3-Clause
// Frames that are received by AF_XDP go round: empty to the kernel by the fill ring, filled back by the receive ring,
// and empty to the kernel again. Each is in one place; one that went to the kernel twice would be written to while it
// is read. One thread.
#pragma once

#include <xdp/xsk.h>

#include <cstdint>

namespace roost {

inline constexpr uint32_t kXdpFrameBytes = 4'096;
inline constexpr uint32_t kXdpFrames = 1'024;  // of a queue, for each direction
// The kernel says what it took from the fill ring only when it has used up what it last found there, at most all
// frames. So there is a place for each frame only if there are twice as many places.
inline constexpr uint32_t kXdpFillPlaces = 2 * kXdpFrames;

// The first kXdpFrames of the memory.
inline void give_all_frames(xsk_ring_prod& fill) noexcept {
  uint32_t first = 0;
  xsk_ring_prod__reserve(&fill, kXdpFrames, &first);
  for (uint32_t i = 0; i < kXdpFrames; ++i) *xsk_ring_prod__fill_addr(&fill, first + i) = uint64_t{i} * kXdpFrameBytes;
  xsk_ring_prod__submit(&fill, kXdpFrames);
}

// Up to `count` packets; take(i, bytes, length) copies the i-th, and its frame goes back. Where the kernel has not yet
// said that there are places for as many, they wait.
template <typename Take>
uint32_t receive_frames(xsk_ring_cons& filled, xsk_ring_prod& fill, void* memory, uint32_t count,
                        Take&& take) noexcept {
  uint32_t first = 0, place = 0;
  const uint32_t came = xsk_ring_cons__peek(&filled, count, &first);
  if (came == 0) return 0;
  if (xsk_ring_prod__reserve(&fill, came, &place) != came) {
    xsk_ring_cons__cancel(&filled, came);
    return 0;
  }
  for (uint32_t i = 0; i < came; ++i) {
    const xdp_desc* const descriptor = xsk_ring_cons__rx_desc(&filled, first + i);
    take(i, static_cast<const uint8_t*>(xsk_umem__get_data(memory, descriptor->addr)), descriptor->len);
    *xsk_ring_prod__fill_addr(&fill, place + i) = descriptor->addr / kXdpFrameBytes * kXdpFrameBytes;
  }
  xsk_ring_prod__submit(&fill, came);
  xsk_ring_cons__release(&filled, came);
  return came;
}

}  // namespace roost
