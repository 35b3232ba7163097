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

// What a ring carries of a packet. Towards a host `word` is the packet's path, `port` where it came in and `nf` whom it
// is for; from a host `word` is the verdict. A slot has 24 bits for a handle, 12 for each length and 20 for an NF: more
// than there can be of either; larger values become the largest, which no packet has.
struct Descriptor {
  uint32_t handle = 0;
  uint16_t data_offset = 0;  // bytes from the buffer's start to the frame
  uint16_t data_bytes = 0;   // of this segment
  uint32_t word = 0;
  uint16_t port = 0;
  uint8_t flags = 0;
  uint32_t nf = 0;  // inbox: its place in its host

  static constexpr uint8_t kMoreSegments = 1;  // the next descriptor is this packet's next segment
  static constexpr uint8_t kLastHop = 2;       // inbox: no further hop of the path is this host's

  static constexpr uint32_t kHandleMost = (1u << 24) - 1, kBytesMost = (1u << 12) - 1, kNfsMost = 1u << 20;
};

struct alignas(16) RingSlot {
  std::atomic<uint64_t> packet;  // handle | offset << 24 | bytes << 36 | nf's lower 16 bits << 48
  std::atomic<uint64_t>
      tagged;  // word | port << 32 | flags << 48 | nf's upper 4 bits << 52 | lap << 56; published last
};
static_assert(sizeof(RingSlot) == 16);

// What one side knows of how far both are.
struct RingAccount {
  std::atomic<uint32_t>* consumed = nullptr;  // shared; written by the consumer alone
  uint32_t position = 0;                      // of this side; counts up, wraps at 2^32
  uint32_t seen = 0;                          // producer: `consumed` as last believed; consumer: as last published
  uint8_t shift = 0;                          // log2 of the capacity, 2 to 20

  uint32_t capacity() const noexcept { return 1u << shift; }
};

// A producer's account: how much more the consumer has room for. By itself, without slots, it bounds how many of the
// packets in a worker's inbox are one NF's.
class RingRoom : public RingAccount {
 public:
  uint32_t room() const noexcept { return capacity() - (position - seen); }
  // What there is room for once the consumer has taken everything: it tells of a quarter of the ring at a time.
  uint32_t room_surely() const noexcept { return capacity() - capacity() / 4 + 1; }
  void use() noexcept { ++position; }

  // Looks at the consumer's cursor. False: it holds a value that no honest consumer writes; nothing has changed.
  bool refresh() noexcept {
    const uint32_t now = consumed->load(std::memory_order_acquire);
    if (now - seen > position - seen) return false;
    seen = now;
    return true;
  }
};

class RingProducer : public RingRoom {
 public:
  RingSlot* slots = nullptr;

  // Where the packet after the next `ahead` goes.
  RingSlot& slot(uint32_t ahead = 0) const noexcept { return slots[(position + ahead) & (capacity() - 1)]; }

  // There must be room.
  void push(const Descriptor& d) noexcept {
    stage(d);
    publish();
  }

  // Several at once: the consumer sees none of them before publish(), and then all. It polls the first slot, which is
  // left alone until then.
  void stage(const Descriptor& d) noexcept {
    RingSlot& to = slot();
    const uint64_t handle = d.handle < Descriptor::kHandleMost ? d.handle : Descriptor::kHandleMost;
    const uint64_t offset = d.data_offset < Descriptor::kBytesMost ? d.data_offset : Descriptor::kBytesMost;
    const uint64_t bytes = d.data_bytes < Descriptor::kBytesMost ? d.data_bytes : Descriptor::kBytesMost;
    const uint64_t lap = ((position >> shift) + 1) & 0xff;
    const uint64_t tagged =
        d.word | uint64_t{d.port} << 32 | uint64_t{d.flags & 0xfU} << 48 | uint64_t{d.nf >> 16 & 0xf} << 52 | lap << 56;
    to.packet.store(handle | offset << 24 | bytes << 36 | uint64_t{d.nf} << 48, std::memory_order_relaxed);
    if (first_ == nullptr) {
      first_ = &to;
      first_tagged_ = tagged;
    } else {
      to.tagged.store(tagged, std::memory_order_relaxed);
    }
    use();
  }
  void publish() noexcept {
    if (first_ == nullptr) return;
    first_->tagged.store(first_tagged_, std::memory_order_release);
    first_ = nullptr;
  }

 private:
  RingSlot* first_ = nullptr;  // of those that are staged
  uint64_t first_tagged_ = 0;
};

class RingConsumer : public RingAccount {
 public:
  RingSlot* slots = nullptr;

  RingSlot& slot() const noexcept { return slots[position & (capacity() - 1)]; }
  uint64_t lap() const noexcept { return ((position >> shift) + 1) & 0xff; }
  bool empty() const noexcept { return slot().tagged.load(std::memory_order_acquire) >> 56 != lap(); }

  // Reads each word once. False: nothing there.
  bool pop(Descriptor& d) noexcept {
    const uint64_t tagged = slot().tagged.load(std::memory_order_acquire);
    if (tagged >> 56 != lap()) return false;
    const uint64_t packet = slot().packet.load(std::memory_order_relaxed);
    d.handle = static_cast<uint32_t>(packet & Descriptor::kHandleMost);
    d.data_offset = static_cast<uint16_t>(packet >> 24 & Descriptor::kBytesMost);
    d.data_bytes = static_cast<uint16_t>(packet >> 36 & Descriptor::kBytesMost);
    d.word = static_cast<uint32_t>(tagged);
    d.port = static_cast<uint16_t>(tagged >> 32);
    d.flags = static_cast<uint8_t>(tagged >> 48 & 0xf);
    d.nf = static_cast<uint32_t>(packet >> 48 | (tagged >> 52 & 0xf) << 16);
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
