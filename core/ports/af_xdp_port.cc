// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/af_xdp_port.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <rte_mbuf.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "core/error.h"
#include "core/ports/linux_interface.h"

namespace roost {
namespace {

FileDescriptor descriptor(int result, const char* what) {
  if (result < 0) {
    errno = -result;
    fail_errno("{}", what);
  }
  return FileDescriptor(result);
}

// To the socket of the queue that a packet came by: bpf_redirect_map(map, context->rx_queue_index, XDP_PASS).
FileDescriptor load_program(const FileDescriptor& map) {
  const std::array<bpf_insn, 6> instructions{{
      {BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(xdp_md, rx_queue_index), 0},
      {BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map.get()},
      {0, 0, 0, 0, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS},
      {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  }};
  return descriptor(bpf_prog_load(BPF_PROG_TYPE_XDP, "roost", "BSD", instructions.data(), instructions.size(), nullptr),
                    "XDP program");
}

}  // namespace

AfXdpPort::AfXdpPort(const PortConfig& config, uint16_t index, rte_mempool* pool)
    : InterfacePort(config, index, pool), interface_(config.interface.interface) {
  const auto facts = look_at_interface(interface_);
  if (!facts) fail("no such interface '{}'; interfaces here: {}", interface_, interfaces_here());
  if (!facts->up) fail("interface '{}' is down; bring it up: ip link set {} up", interface_, interface_);
  binding_ = bind_to(facts->index);
  if (!facts->running) tell_link(LinkState::down, interface_);
}

std::unique_ptr<AfXdpPort::Binding> AfXdpPort::bind_to(int interface_index) const try {
  auto binding = std::make_unique<Binding>();
  binding->interface_index = interface_index;
  binding->promiscuous = hold_promiscuous(interface_index);
  const uint32_t queues = receive_queues_of(interface_);
  binding->poll = descriptor(epoll_create1(EPOLL_CLOEXEC), "epoll");
  binding->map = descriptor(
      bpf_map_create(BPF_MAP_TYPE_XSKMAP, "roost", sizeof(uint32_t), sizeof(int), queues, nullptr), "XDP map");
  for (uint32_t queue = 0; queue < queues; ++queue) {
    auto& made = *binding->queues.emplace_back(std::make_unique<XdpQueue>(interface_, queue));
    const int fd = made.fd();
    if (bpf_map_update_elem(binding->map.get(), &queue, &fd, BPF_ANY) != 0) fail_errno("XDP map: queue {}", queue);
    epoll_event event{EPOLLIN, {}};
    if (epoll_ctl(binding->poll.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail_errno("epoll");
  }
  binding->program = load_program(binding->map);
  // By a link, not by the interface's own setting: it ends with this descriptor. In the driver where it can, else for
  // packets as the kernel's stack sees them.
  binding->attached =
      descriptor(bpf_link_create(binding->program.get(), interface_index, BPF_XDP, nullptr), "XDP program");
  return binding;
} catch (const Error& error) {
  fail(
      "AF_XDP on interface '{}': {}; it takes root (or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF), an MTU of at most 3498 "
      "bytes, and no other XDP program there (ip link show {}). Kind \"af_packet\" takes any interface",
      interface_, error.what(), interface_);
}

uint16_t AfXdpPort::fetch(std::span<Slot> slots) noexcept {
  uint32_t taken = 0;
  for (size_t looked = 0; looked < binding_->queues.size() && taken < slots.size(); ++looked) {
    next_queue_ = next_queue_ + 1 < binding_->queues.size() ? next_queue_ + 1 : 0;
    const uint32_t before = taken;
    taken += binding_->queues[next_queue_]->receive(
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

// By the first queue: what one loop sends is in one order.
uint16_t AfXdpPort::transmit(rte_mbuf** packets, uint16_t count) noexcept {
  XdpQueue& queue = *binding_->queues.front();
  uint16_t sent = 0, first = 0;
  for (; sent < count; ++sent) {
    if (packets[sent]->pkt_len > XdpQueue::kFrameBytes) [[unlikely]] {
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
      interface_, [this](int index) { return index == binding_->interface_index; },
      [this](int index) {
        auto fresh = std::make_shared<std::unique_ptr<Binding>>(bind_to(index));
        return [this, fresh] { binding_.swap(*fresh); };  // the old one ends with this function
      });
}

void AfXdpPort::read_kernel_counts() noexcept {
  for (const auto& queue : binding_->queues) counters_.receive_dropped.missed.add(queue->take_missed());
}

}  // namespace roost
