// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/interface_port.h"

#include <rte_byteorder.h>
#include <rte_ether.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/log.h"
#include "core/ports/linux_interface.h"

namespace roost {
namespace {

constexpr uint32_t kTagBytes = sizeof(rte_vlan_hdr), kAddressesBytes = 2 * RTE_ETHER_ADDR_LEN;

}  // namespace

InterfacePort::InterfacePort(const PortConfig& config, uint16_t index, rte_mempool* pool)
    : Port(config.name, index),
      pool_(pool),
      tells_(config.queue.number == 0),
      fresh_(pool, index),
      room_bytes_(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM),
      long_frames_(new uint8_t[size_t{kSlots} * (kLead + room_bytes_ + kLongBytes)]),
      scratch_(new uint8_t[kPortFrameBytesMax]) {}

InterfacePort::~InterfacePort() {
  for (Slot& slot : slots_)
    if (slot.packet != nullptr) rte_pktmbuf_free(slot.packet);
}

uint8_t* InterfacePort::first_bytes(const Slot& slot) const noexcept {
  return static_cast<uint8_t*>(slot.packet->buf_addr) + RTE_PKTMBUF_HEADROOM;
}

// The memory beside the buffers has room for the first bytes, too, so that a long frame can be made whole there.
uint8_t* InterfacePort::further_bytes(uint16_t slot) noexcept {
  return long_frames_.get() + size_t{slot} * (kLead + room_bytes_ + kLongBytes) + kLead + room_bytes_;
}

int InterfacePort::wake_fd() const noexcept {
  // Without a packet to put it in, what waits would end every sleep at once; the loop looks every idle_poll_us.
  return starved_ || next_ < filled_ || !cutter_.done() ? -1 : receive_descriptor();
}

uint16_t InterfacePort::receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept {
  uint16_t taken = 0;
  uint64_t bytes = 0;
  bool asked = false;
  starved_ = false;
  while (taken < count) {
    rte_mbuf* packet = nullptr;
    if (!cutter_.done()) {
      packet = next_cut();
      if (packet == nullptr) break;
    } else if (next_ < filled_) {
      packet = unpack(slots_[next_]);
      if (starved_) break;  // it waits
      ++next_;
      if (packet == nullptr) continue;
    } else {
      if (asked) break;
      asked = true;
      next_ = filled_ = 0;
      const auto wanted = static_cast<uint16_t>(std::min<uint32_t>(count - taken, kSlots));
      if (!fill_slots(wanted)) break;
      filled_ = fetch(std::span(slots_).first(wanted));
      continue;
    }
    packets[taken] = packet;
    stamps_tsc[taken++] = now_tsc;
    bytes += packet->pkt_len;
  }
  counters_.received.add(taken);
  counters_.received_bytes.add(bytes);
  return taken;
}

// All or none of these have a packet afterwards.
bool InterfacePort::fill_slots(uint16_t count) noexcept {
  std::array<Slot*, kSlots> empty;
  std::array<rte_mbuf*, kSlots> packets;
  uint32_t missing = 0;
  for (uint16_t i = 0; i < count; ++i)
    if (slots_[i].packet == nullptr) empty[missing++] = &slots_[i];
  if (missing == 0) return true;
  if (!fresh_.take(packets.data(), missing)) {
    starved_ = true;
    return false;
  }
  for (uint32_t i = 0; i < missing; ++i) empty[i]->packet = packets[i];
  return true;
}

// The packet that came in this slot; none: it is dropped and counted, or is being cut, or (starved) has to wait.
rte_mbuf* InterfacePort::unpack(Slot& slot) noexcept {
  if (slot.bytes == 0) return nullptr;
  const bool whole = slot.header.kind == kWhole;
  if (slot.bytes < kPortFrameBytesMin || (whole && slot.bytes > kPortFrameBytesMax - kTagBytes)) {
    (slot.bytes < kPortFrameBytesMin ? counters_.receive_dropped.runt : counters_.receive_dropped.oversize).add(1);
    return nullptr;
  }
  const uint32_t tag_bytes = slot.tag_type != 0 ? kTagBytes : 0;
  const bool is_long = slot.bytes > room_bytes_;
  if (is_long && whole && !take_segments(slot.bytes + tag_bytes)) return nullptr;
  uint8_t* frame = first_bytes(slot);
  if (is_long || !whole) {
    frame = further_bytes(next_) - room_bytes_;
    std::memcpy(frame, first_bytes(slot), std::min(slot.bytes, room_bytes_));
  }
  if (whole && (slot.header.flags & kChecksumIsBegun) != 0 &&
      !finish_checksum(frame, slot.bytes, slot.header.checksum_start, slot.header.checksum_offset)) {
    counters_.receive_dropped.malformed.add(1);
    give_segments_back();
    return nullptr;
  }
  if (tag_bytes != 0) frame = put_tag_back(frame, slot);
  if (!whole) {
    OffloadHeader header = slot.header;
    header.checksum_start = static_cast<uint16_t>(header.checksum_start + tag_bytes);
    if (!cutter_.begin(frame, slot.bytes + tag_bytes, header)) counters_.receive_dropped.malformed.add(1);
    return nullptr;
  }
  if (is_long) return spread(frame, slot.bytes + tag_bytes);
  rte_mbuf* const packet = slot.packet;
  slot.packet = nullptr;
  fresh_.prepare(packet, slot.bytes + tag_bytes);
  packet->data_off = static_cast<uint16_t>(packet->data_off - tag_bytes);
  return packet;
}

uint8_t* InterfacePort::put_tag_back(uint8_t* frame, const Slot& slot) noexcept {
  std::memmove(frame - kTagBytes, frame, kAddressesBytes);
  frame -= kTagBytes;
  const std::array<uint16_t, 2> tag{rte_cpu_to_be_16(slot.tag_type), rte_cpu_to_be_16(slot.tag)};
  std::memcpy(frame + kAddressesBytes, tag.data(), sizeof tag);
  return frame;
}

rte_mbuf* InterfacePort::next_cut() noexcept {
  const uint32_t bytes = cutter_.segment_bytes();
  if (!take_segments(bytes)) return nullptr;
  if (bytes > room_bytes_) {
    cutter_.cut(scratch_.get());
    return spread(scratch_.get(), bytes);
  }
  segment_count_ = 0;
  cutter_.cut(fresh_.prepare(segments_[0], bytes));
  return segments_[0];
}

// Buffers for as many bytes. Without them, what was to be put there waits.
bool InterfacePort::take_segments(uint32_t bytes) noexcept {
  segment_count_ = (bytes + room_bytes_ - 1) / room_bytes_;
  starved_ = segment_count_ > segments_.size() || !fresh_.take(segments_.data(), segment_count_);
  if (starved_) segment_count_ = 0;
  return !starved_;
}

void InterfacePort::give_segments_back() noexcept {
  rte_mempool_put_bulk(pool_, reinterpret_cast<void**>(segments_.data()), segment_count_);
  segment_count_ = 0;
}

// Copies the bytes into the segments that were taken for them.
rte_mbuf* InterfacePort::spread(const uint8_t* frame, uint32_t bytes) noexcept {
  rte_mbuf* const head = segments_[0];
  for (uint32_t i = 0; i < segment_count_; ++i) {
    const uint32_t done = i * room_bytes_, part = std::min(bytes - done, room_bytes_);
    std::memcpy(fresh_.prepare(segments_[i], part), frame + done, part);
    if (i != 0) segments_[i - 1]->next = segments_[i];
  }
  head->pkt_len = bytes;
  head->nb_segs = static_cast<uint16_t>(segment_count_);
  segment_count_ = 0;
  return head;
}

void InterfacePort::tell_link(LinkState state, std::string_view interface) {
  if (state == link()) return;
  set_link(state);
  if (!tells_) return;
  if (state == LinkState::up)
    log_info("port '{}': interface '{}' is up", name(), interface);
  else
    log_warn("port '{}': interface '{}' {}", name(), interface,
             state == LinkState::down   ? "is down, or nobody is at its other end"
             : state == LinkState::gone ? "is gone; the port goes on when it is back"
                                        : "is in another network namespace; the port goes on");
}

std::function<void()> InterfacePort::follow(const std::string& interface, const std::function<bool(int)>& is_bound,
                                            const std::function<std::function<void()>(int)>& bind) {
  const auto facts = look_at_interface(interface);
  if (!facts) {
    tell_link(LinkState::gone, interface);
    return {};
  }
  std::function<void()> change_over;
  if (!is_bound(facts->index)) {
    try {
      read_kernel_counts();  // of the old descriptors, for the last time
      change_over = bind(facts->index);
    } catch (const Error& error) {
      if (tells_) log_warn("port '{}': interface '{}' is back, but: {}", name(), interface, error.what());
      tell_link(LinkState::gone, interface);
      return {};
    }
  }
  tell_link(facts->up && facts->running ? LinkState::up : LinkState::down, interface);
  return change_over;
}

void InterfacePort::lose(rte_mbuf* packet) noexcept {
  rte_pktmbuf_free(packet);
  counters_.transmit_dropped.add(1);
}

}  // namespace roost
