// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/af_packet_port.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/ports/linux_interface.h"

namespace roost {
namespace {

constexpr int kSendBytes = 4 << 20;

FileDescriptor packet_socket() {
  FileDescriptor handle(
      socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));  // 0: nothing, until it is bound
  if (!handle && (errno == EPERM || errno == EACCES))
    fail("no permission for packet sockets; run roostd as root, or with CAP_NET_RAW");
  if (!handle) fail_errno("packet socket");
  return handle;
}

template <typename Value>
void set_option(const FileDescriptor& handle, int level, int option, const Value& value, const char* meaning) {
  if (setsockopt(handle.get(), level, option, &value, sizeof value) != 0) fail_errno("packet socket: {}", meaning);
}

// As much as asked for takes a privilege; without it, as much as net.core.[rw]mem_max allows.
void set_queue_bytes(const FileDescriptor& handle, int forced, int asked, int bytes) {
  const int half = bytes / 2;  // the kernel doubles it
  if (setsockopt(handle.get(), SOL_SOCKET, forced, &half, sizeof half) != 0)
    setsockopt(handle.get(), SOL_SOCKET, asked, &half, sizeof half);
}

void bind_to(const FileDescriptor& handle, int interface_index, uint16_t protocol) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = interface_index;
  address.sll_protocol = htons(protocol);
  if (bind(handle.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail_errno("packet socket: bind");
}

// PACKET_IGNORE_OUTGOING does nothing for sockets that share an interface out among them.
void ignore_outgoing(const FileDescriptor& handle) {
  sock_filter program[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)},
                           {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PACKET_OUTGOING},
                           {BPF_RET | BPF_K, 0, 0, 0},
                           {BPF_RET | BPF_K, 0, 0, UINT32_MAX}};
  const sock_fprog filter{std::size(program), program};
  set_option(handle, SOL_SOCKET, SO_ATTACH_FILTER, filter, "SO_ATTACH_FILTER");
}

}  // namespace

AfPacketPort::AfPacketPort(const PortConfig& config, uint16_t index, rte_mempool* pool)
    : InterfacePort(config, index, pool),
      interface_(config.interface.interface),
      receive_kib_(std::clamp(config.interface.receive_kib, kInterfaceQueueKibMin, kInterfaceQueueKibMax)),
      group_(config.queue.group) {
  if (group_) group_->queues = config.queue.count;
  const auto facts = look_at_interface(interface_);
  if (!facts) fail("no such interface '{}'; interfaces here: {}", interface_, interfaces_here());
  if (facts->hardware != ARPHRD_ETHER && facts->hardware != ARPHRD_LOOPBACK)
    fail("interface '{}' is not Ethernet (type {}); name one that is", interface_, facts->hardware);
  if (!facts->up) fail("interface '{}' is down; bring it up: ip link set {} up", interface_, interface_);
  sockets_ = open_sockets(facts->index);
  if (!facts->running) tell_link(LinkState::down, interface_);
  for (uint16_t i = 0; i < kSlots; ++i) {
    msghdr& message = messages_[i].msg_hdr;
    message.msg_iov = buffers_[i];
    message.msg_iovlen = 3;
    message.msg_control = controls_[i].bytes;
    buffers_[i][1].iov_len = room_bytes();
    buffers_[i][2] = {further_bytes(i), kLongBytes};
  }
}

AfPacketPort::Sockets AfPacketPort::open_sockets(int interface_index) const {
  constexpr int kOn = 1;
  Sockets sockets{packet_socket(), packet_socket()};
  set_option(sockets.receive, SOL_PACKET, PACKET_VNET_HDR, kOn, "PACKET_VNET_HDR");
  set_option(sockets.receive, SOL_PACKET, PACKET_AUXDATA, kOn, "PACKET_AUXDATA");
  set_option(sockets.receive, SOL_PACKET, PACKET_IGNORE_OUTGOING, kOn, "PACKET_IGNORE_OUTGOING");
  set_queue_bytes(sockets.receive, SO_RCVBUFFORCE, SO_RCVBUF, static_cast<int>(receive_kib_ << 10));
  set_queue_bytes(sockets.transmit, SO_SNDBUFFORCE, SO_SNDBUF, kSendBytes);
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = interface_index;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  set_option(sockets.receive, SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous, "promiscuous mode");
  if (group_) ignore_outgoing(sockets.receive);
  bind_to(sockets.transmit, interface_index, 0);
  bind_to(sockets.receive, interface_index, ETH_P_ALL);
  if (group_) join_queues(sockets.receive, interface_index);
  return sockets;
}

// The kernel finds an unused number for the first one's group. The hash is of addresses and ports, the same both ways.
void AfPacketPort::join_queues(const FileDescriptor& receive, int interface_index) const {
  constexpr uint32_t kByHash = PACKET_FANOUT_HASH << 16;
  const bool first = group_->fanout.interface_index != interface_index;
  set_option(receive, SOL_PACKET, PACKET_FANOUT,
             first ? kByHash | uint32_t{PACKET_FANOUT_FLAG_UNIQUEID} << 16 : kByHash | group_->fanout.id,
             "PACKET_FANOUT");
  if (!first) return;
  uint32_t group = 0;
  socklen_t length = sizeof group;
  if (getsockopt(receive.get(), SOL_PACKET, PACKET_FANOUT, &group, &length) != 0)
    fail_errno("packet socket: PACKET_FANOUT");
  group_->fanout = {interface_index, static_cast<uint16_t>(group)};
}

bool AfPacketPort::is_bound_to(int interface_index) const noexcept {
  sockaddr_ll address{};
  socklen_t length = sizeof address;
  return getsockname(sockets_.receive.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
         address.sll_ifindex == interface_index;
}

std::function<void()> AfPacketPort::look_at_link() {
  return follow(
      interface_, [this](int index) { return is_bound_to(index); },
      [this](int index) {
        auto sockets = std::make_shared<Sockets>(open_sockets(index));
        return [this, sockets] { std::swap(sockets_, *sockets); };
      });
}

void AfPacketPort::read_kernel_counts() noexcept {
  tpacket_stats counts{};  // since they were read last
  socklen_t length = sizeof counts;
  if (getsockopt(sockets_.receive.get(), SOL_PACKET, PACKET_STATISTICS, &counts, &length) == 0)
    counters_.receive_dropped.missed.add(counts.tp_drops);
}

uint16_t AfPacketPort::fetch(std::span<Slot> slots) noexcept {
  for (size_t i = 0; i < slots.size(); ++i) {
    buffers_[i][0] = {&slots[i].header, sizeof slots[i].header};
    buffers_[i][1].iov_base = first_bytes(slots[i]);
    messages_[i].msg_hdr.msg_controllen = sizeof controls_[i].bytes;
  }
  const int came =
      recvmmsg(sockets_.receive.get(), messages_.data(), static_cast<unsigned>(slots.size()), MSG_DONTWAIT, nullptr);
  if (came <= 0) {
    // A packet that the kernel can't describe is taken off its queue. That the interface went down is said once.
    if (came < 0 && errno == EINVAL) counters_.receive_dropped.malformed.add(1);
    return 0;
  }
  for (int i = 0; i < came; ++i)
    read_message(messages_[i].msg_hdr, messages_[i].msg_len, slots[static_cast<size_t>(i)]);
  return static_cast<uint16_t>(came);
}

void AfPacketPort::read_message(const msghdr& message, uint32_t bytes, Slot& slot) noexcept {
  slot.tag_type = 0;
  slot.bytes = 0;
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    counters_.receive_dropped.oversize.add(1);
    return;
  }
  if (bytes <= sizeof slot.header) {
    counters_.receive_dropped.runt.add(1);
    return;
  }
  slot.bytes = bytes - static_cast<uint32_t>(sizeof slot.header);
  const cmsghdr* const control = CMSG_FIRSTHDR(&message);
  if (control == nullptr || control->cmsg_level != SOL_PACKET || control->cmsg_type != PACKET_AUXDATA) return;
  tpacket_auxdata data;
  std::memcpy(&data, CMSG_DATA(control), sizeof data);
  if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0) return;
  slot.tag = data.tp_vlan_tci;
  slot.tag_type = (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? data.tp_vlan_tpid : uint16_t{ETH_P_8021Q};
}

uint16_t AfPacketPort::transmit(rte_mbuf** packets, uint16_t count) noexcept {
  uint16_t taken = 0;
  while (taken < count && send_some(packets, count, taken)) continue;
  return taken;
}

// As many as one call takes, from `taken` on. False: the queue is full, or there is no link: the rest is the caller's.
bool AfPacketPort::send_some(rte_mbuf** packets, uint16_t count, uint16_t& taken) noexcept {
  uint32_t filled = 0, parts = 0;
  for (uint32_t i = taken; i < count && filled < kSlots; ++i, ++filled) {
    if (parts + packets[i]->nb_segs > kPartsMax) break;
    msghdr& message = sent_[filled].msg_hdr;
    message = {};
    message.msg_iov = &parts_[parts];
    message.msg_iovlen = packets[i]->nb_segs;
    for (rte_mbuf* segment = packets[i]; segment != nullptr; segment = segment->next)
      parts_[parts++] = {rte_pktmbuf_mtod(segment, void*), segment->data_len};
  }
  int sent = 0;
  if (filled != 0) sent = sendmmsg(sockets_.transmit.get(), sent_.data(), filled, MSG_DONTWAIT);
  if (sent > 0) {
    discard(packets + taken, static_cast<uint16_t>(sent));
    taken = static_cast<uint16_t>(taken + sent);
    return true;
  }
  // This one packet is too long or too short for the interface, or has more parts than can be.
  if (filled == 0 || errno == EMSGSIZE || errno == EINVAL) {
    lose(packets[taken++]);
    return true;
  }
  return errno == EINTR;
}

}  // namespace roost
