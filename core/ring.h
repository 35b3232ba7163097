// SPDX-License-Identifier: BSD-3-Clause
// The ring for a trust border: one producer, one consumer, 16-byte descriptors of packets.
//
// Each side keeps its cursor in its own memory. A slot carries the lap in which it was written, so the consumer needs
// no cursor of the producer's, and a packet costs one shared cache line instead of two. The producer learns of free
// slots from `consumed`, the only shared cursor, which it reads when it believes the ring full and checks before it
// believes it. Whatever the other side writes, neither side waits, loops or leaves the ring's bounds.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace roost {

// What a ring carries of a packet. Towards a host `word` is the packet's path and `port` where it came in; from a host
// `word` is the verdict.
struct Descriptor {
  uint32_t handle = 0;
  uint16_t data_offset = 0;  // bytes from the buffer's start to the frame
  uint16_t data_bytes = 0;   // of this segment
  uint32_t word = 0;
  uint16_t port = 0;
  uint8_t flags = 0;

  static constexpr uint8_t kMoreSegments = 1;  // the next descriptor is this packet's next segment
  static constexpr uint8_t kLastHop = 2;       // inbox: no further hop of the path is this host's
};

struct alignas(16) RingSlot {
  std::atomic<uint64_t> packet;  // handle | offset << 32 | bytes << 48
  std::atomic<uint64_t> tagged;  // word | port << 32 | flags << 48 | lap << 56; published last
};
static_assert(sizeof(RingSlot) == 16);

struct RingCursor {
  RingSlot* slots = nullptr;
  std::atomic<uint32_t>* consumed = nullptr;  // shared; written by the consumer alone
  uint32_t position = 0;                      // of this side; counts up, wraps at 2^32
  uint32_t seen = 0;                          // producer: `consumed` as last believed; consumer: as last published
  uint8_t shift = 0;                          // log2 of the number of slots, 2 to 20

  uint32_t capacity() const noexcept { return 1u << shift; }
  RingSlot& slot() const noexcept { return slots[position & (capacity() - 1)]; }
  uint64_t lap() const noexcept { return ((position >> shift) + 1) & 0xff; }
};

class RingProducer : public RingCursor {
 public:
  uint32_t room() const noexcept { return capacity() - (position - seen); }
  // What there is room for once the consumer has taken everything: it tells of a quarter of the ring at a time.
  uint32_t room_surely() const noexcept { return capacity() - capacity() / 4 + 1; }

  // Looks at the consumer's cursor. False: it holds a value that no honest consumer writes; nothing has changed.
  bool refresh() noexcept {
    const uint32_t now = consumed->load(std::memory_order_acquire);
    if (now - seen > position - seen) return false;
    seen = now;
    return true;
  }

  // There must be room.
  void push(const Descriptor& d) noexcept {
    RingSlot& to = slot();
    to.packet.store(d.handle | uint64_t{d.data_offset} << 32 | uint64_t{d.data_bytes} << 48, std::memory_order_relaxed);
    to.tagged.store(d.word | uint64_t{d.port} << 32 | uint64_t{d.flags} << 48 | lap() << 56, std::memory_order_release);
    ++position;
  }
};

class RingConsumer : public RingCursor {
 public:
  bool empty() const noexcept { return slot().tagged.load(std::memory_order_acquire) >> 56 != lap(); }

  // Reads each word once. False: nothing there.
  bool pop(Descriptor& d) noexcept {
    const uint64_t tagged = slot().tagged.load(std::memory_order_acquire);
    if (tagged >> 56 != lap()) return false;
    const uint64_t packet = slot().packet.load(std::memory_order_relaxed);
    d.handle = static_cast<uint32_t>(packet);
    d.data_offset = static_cast<uint16_t>(packet >> 32);
    d.data_bytes = static_cast<uint16_t>(packet >> 48);
    d.word = static_cast<uint32_t>(tagged);
    d.port = static_cast<uint16_t>(tagged >> 32);
    d.flags = static_cast<uint8_t>(tagged >> 48);
    ++position;
    return true;
  }

  // Tells the producer. Freed slots are told a quarter of the ring at a time, or all of them with `now`.
  void publish(bool now = false) noexcept {
    if (position - seen < (now ? 1u : capacity() / 4)) return;
    seen = position;
    consumed->store(position, std::memory_order_release);
  }
};

}  // namespace roost
