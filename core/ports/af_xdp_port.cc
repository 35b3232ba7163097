// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/af_xdp_port.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/ports/linux_interface.h"

namespace roost {

AfXdpPort::AfXdpPort(const PortConfig& config, uint16_t index, rte_mempool* pool)
    : InterfacePort(config, index, pool), interface_(config.interface.interface), queue_(config.queue) {
  const auto facts = look_at_interface(interface_);
  if (!facts) fail("no such interface '{}'; interfaces here: {}", interface_, interfaces_here());
  if (!facts->up) fail("interface '{}' is down; bring it up: ip link set {} up", interface_, interface_);
  binding_ = binding_to(facts->index);
  if (!facts->running) tell_link(LinkState::down, interface_);
}

// What the first queue of the port has made, or a new one.
std::shared_ptr<XdpBinding> AfXdpPort::binding_to(int interface_index) const {
  PortGroup* const group = queue_.group.get();
  if (group != nullptr && group->binding && group->binding->interface_index() == interface_index) return group->binding;
  const uint32_t shares = binding_ ? binding_->shares() : queue_.count;
  if (binding_ && XdpBinding::shares_most(interface_) < shares)
    fail("it has {} queues to send by, and {} io cores have had one each; give it as many: ethtool -L {} rx {} tx {}",
         XdpBinding::shares_most(interface_), shares, interface_, shares, shares);
  auto made = std::make_shared<XdpBinding>(interface_, interface_index, shares);
  if (group != nullptr) {
    group->binding = made;
    group->queues = made->shares();
  }
  return made;
}

uint16_t AfXdpPort::fetch(std::span<Slot> slots) noexcept {
  const auto& queues = share().queues;
  uint32_t taken = 0;
  for (size_t looked = 0; looked < queues.size() && taken < slots.size(); ++looked) {
    next_queue_ = next_queue_ + 1 < queues.size() ? next_queue_ + 1 : 0;
    const uint32_t before = taken;
    taken += queues[next_queue_]->receive(
        static_cast<uint32_t>(slots.size()) - taken, [&](uint32_t i, const uint8_t* frame, uint32_t bytes) {
          Slot& slot = slots[before + i];
          const uint32_t first = std::min(bytes, room_bytes());
          std::memcpy(first_bytes(slot), frame, first);
          std::memcpy(further_bytes(static_cast<uint16_t>(before + i)), frame + first, bytes - first);
          slot.bytes = bytes;
          slot.header = {};
          find_begun_checksum(frame, bytes, slot.header);
        });
  }
  return static_cast<uint16_t>(taken);
}

// By the first queue of its own: what one loop sends is in one order.
uint16_t AfXdpPort::transmit(rte_mbuf** packets, uint16_t count) noexcept {
  XdpQueue& queue = *share().queues.front();
  uint16_t sent = 0, first = 0;
  for (; sent < count; ++sent) {
    if (packets[sent]->pkt_len > kXdpFrameBytes) [[unlikely]] {
      discard(packets + first, static_cast<uint16_t>(sent - first));
      lose(packets[sent]);
      first = static_cast<uint16_t>(sent + 1);
    } else if (!queue.put(*packets[sent])) {
      break;
    }
  }
  queue.kick();
  discard(packets + first, static_cast<uint16_t>(sent - first));
  return sent;
}

std::function<void()> AfXdpPort::look_at_link() {
  return follow(
      interface_, [this](int index) { return index == binding_->interface_index(); },
      [this](int index) {
        auto fresh = std::make_shared<std::shared_ptr<XdpBinding>>(binding_to(index));
        return [this, fresh] { binding_.swap(*fresh); };  // the old one ends with the last such function
      });
}

void AfXdpPort::read_kernel_counts() noexcept {
  for (const auto& queue : share().queues) counters_.receive_dropped.missed.add(queue->take_missed());
}

}  // namespace roost
