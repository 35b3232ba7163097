// SPDX-License-Identifier: BSD-3-Clause
// What ports that are interfaces of this machine have in common: packets as the kernel hands them over, each with a
// header (core/ports/offload.h) that says what of it was left to hardware, become packets as on a wire
// (core/ports/offload.h).
//
// The kernel writes straight into a buffer of the pool; a packet longer than that goes on in memory beside it, and is
// copied: a long frame into several segments, one that was to be cut into the packets that it becomes.
//
// Descriptors are opened by the control thread (at the start, and when an interface comes back) and used by the loop's
// thread, which changes over to new ones in what look_at_link() returns.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "core/port.h"
#include "core/ports/fresh_packets.h"
#include "core/ports/offload.h"

namespace roost {

class InterfacePort : public Port {
 public:
  ~InterfacePort() override;

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept final;
  uint64_t next_receive_tsc() const noexcept final { return 0; }
  int wake_fd() const noexcept final;
  LinkState link() const noexcept final { return link_.load(std::memory_order_relaxed); }

 protected:
  static constexpr uint16_t kSlots = 64;  // packets that the kernel is asked for at once
  static constexpr uint32_t kLongBytes = 65'536;

  // Where the kernel puts a packet, and what it said of it.
  struct Slot {
    rte_mbuf* packet = nullptr;      // its first bytes
    OffloadHeader header{};          // before its first byte
    uint32_t bytes = 0;              // without the header; 0: unfit, and counted
    uint16_t tag = 0, tag_type = 0;  // a VLAN tag that the kernel took off; type 0: none
  };

  InterfacePort(const PortConfig& config, uint16_t index, rte_mempool* pool);

  // Asks the kernel for up to slots.size() packets and says how many came, in the first slots. Each slot has a packet.
  virtual uint16_t fetch(std::span<Slot> slots) noexcept = 0;
  // Readable when there are packets; -1: none will come by this one any more.
  virtual int receive_descriptor() const noexcept = 0;

  uint8_t* first_bytes(const Slot& slot) const noexcept;
  uint32_t room_bytes() const noexcept { return room_bytes_; }  // behind first_bytes()
  uint8_t* further_bytes(uint16_t slot) noexcept;               // kLongBytes
  void set_link(LinkState state) noexcept { link_.store(state, std::memory_order_relaxed); }
  // Says so in the log where it is news; of several queues one does.
  void tell_link(LinkState state, std::string_view interface);
  // What look_at_link() does for interfaces that others make: says how the link is, and where the interface is back as
  // another one (`is_bound` says of its number whether it is), has `bind` open new descriptors. That throws Error, or
  // returns what the loop's thread has to do.
  std::function<void()> follow(const std::string& interface, const std::function<bool(int)>& is_bound,
                               const std::function<std::function<void()>(int)>& bind);
  // Taken over, and lost.
  void lose(rte_mbuf* packet) noexcept;

 private:
  bool fill_slots(uint16_t count) noexcept;
  rte_mbuf* unpack(Slot& slot) noexcept;
  rte_mbuf* next_cut() noexcept;
  bool take_segments(uint32_t bytes) noexcept;
  void give_segments_back() noexcept;
  rte_mbuf* spread(const uint8_t* frame, uint32_t bytes) noexcept;
  uint8_t* put_tag_back(uint8_t* frame, const Slot& slot) noexcept;

  static constexpr uint32_t kLead = 64;  // before a long frame, for a tag

  rte_mempool* const pool_;
  const bool tells_;
  FreshPackets fresh_;
  const uint32_t room_bytes_;
  std::array<Slot, kSlots> slots_{};
  uint16_t next_ = 0, filled_ = 0;        // slots that have come and are not done with
  bool starved_ = false;                  // the pool had no packet for what waits
  std::array<rte_mbuf*, 64> segments_{};  // taken for one packet
  uint32_t segment_count_ = 0;
  SegmentCutter cutter_;                    // of the slot before next_, until it is done
  std::unique_ptr<uint8_t[]> long_frames_;  // for each slot; memory is used once something is there
  std::unique_ptr<uint8_t[]> scratch_;
  std::atomic<LinkState> link_{LinkState::up};
};

}  // namespace roost
