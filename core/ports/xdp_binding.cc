// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/xdp_binding.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

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

XdpBinding::XdpBinding(const std::string& interface, int interface_index, uint32_t shares) try
    : interface_index_(interface_index), promiscuous_(hold_promiscuous(interface_index)) {
  open_queues(interface, shares);
  program_ = load_program(map_);
  // By a link, not by the interface's own setting: it ends with this descriptor. In the driver where it can, else for
  // packets as the kernel's stack sees them. Once all queues are there: none of their packets goes past them.
  attached_ = descriptor(bpf_link_create(program_.get(), interface_index, BPF_XDP, nullptr), "XDP program");
} catch (const Error& error) {
  fail(
      "AF_XDP on interface '{}': {}; it takes root (or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF), an MTU of at most 3498 "
      "bytes, and no other XDP program there (ip link show {}). Kind \"af_packet\" takes any interface",
      interface, error.what(), interface);
}

// The kernel takes a socket for any queue that receives or sends, and sends by it only if it is one that sends.
uint32_t XdpBinding::shares_most(const std::string& interface) { return queues_of(interface).transmit; }

void XdpBinding::open_queues(const std::string& interface, uint32_t shares) {
  const InterfaceQueues has = queues_of(interface);
  shares_.resize(std::min(shares, has.transmit));
  for (XdpShare& share : shares_) share.poll = descriptor(epoll_create1(EPOLL_CLOEXEC), "epoll");
  map_ = descriptor(bpf_map_create(BPF_MAP_TYPE_XSKMAP, "roost", sizeof(uint32_t), sizeof(int), has.receive, nullptr),
                    "XDP map");
  const uint32_t queues = std::max<uint32_t>(has.receive, this->shares());  // a share may have one that only sends
  for (uint32_t queue = 0; queue < queues; ++queue) {
    XdpShare& share = shares_[queue % this->shares()];
    const int fd = share.queues.emplace_back(std::make_unique<XdpQueue>(interface, queue))->fd();
    if (queue >= has.receive) continue;
    if (bpf_map_update_elem(map_.get(), &queue, &fd, BPF_ANY) != 0) fail_errno("XDP map: queue {}", queue);
    epoll_event event{EPOLLIN, {}};
    if (epoll_ctl(share.poll.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail_errno("epoll");
  }
}

}  // namespace roost
