// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/xdp_queue.h"

#include <rte_mbuf.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace roost {
namespace {

constexpr size_t kBytes = size_t{2} * kXdpFrames * kXdpFrameBytes;
constexpr int kKicksMost = 64;  // the kernel sends some 32 packets at a time

}  // namespace

void XdpQueue::Unmap::operator()(void* memory) const noexcept { munmap(memory, kBytes); }

XdpQueue::XdpQueue(const std::string& interface, uint32_t queue) {
  void* const pages = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) fail_errno("no memory for {} frames", 2 * kXdpFrames);
  memory_.reset(pages);
  const xsk_umem_config memory_config{kXdpFillPlaces, kXdpFrames, kXdpFrameBytes, 0, 0};
  if (const int error = xsk_umem__create(&umem_, pages, kBytes, &fill_, &completed_, &memory_config); error != 0)
    fail("the kernel does not take the frames' memory: {} (limits: ulimit -l)", std::strerror(-error));
  xsk_socket_config config{};
  config.rx_size = config.tx_size = kXdpFrames;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;  // the port has one, which ends with it
  config.bind_flags = XDP_USE_NEED_WAKEUP;
  if (const int error = xsk_socket__create(&socket_, interface.c_str(), queue, umem_, &receive_, &transmit_, &config);
      error != 0) {
    xsk_umem__delete(umem_);
    fail("queue {}: {}", queue, std::strerror(-error));
  }
  give_all_frames(fill_);
  for (uint32_t i = 0; i < kXdpFrames; ++i) free_.push_back(uint64_t{kXdpFrames + i} * kXdpFrameBytes);
}

XdpQueue::~XdpQueue() {
  xsk_socket__delete(socket_);
  xsk_umem__delete(umem_);
}

int XdpQueue::fd() const noexcept { return xsk_socket__fd(socket_); }

void XdpQueue::wake_filling() noexcept {
  if (xsk_ring_prod__needs_wakeup(&fill_)) recvfrom(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

void XdpQueue::take_completed() noexcept {
  uint32_t first = 0;
  const uint32_t count = xsk_ring_cons__peek(&completed_, kXdpFrames, &first);
  for (uint32_t i = 0; i < count; ++i) free_.push_back(*xsk_ring_cons__comp_addr(&completed_, first + i));
  xsk_ring_cons__release(&completed_, count);
}

bool XdpQueue::put(const rte_mbuf& packet) noexcept {
  if (free_.empty()) {
    kick();
    take_completed();
  }
  uint32_t place = 0;
  if (free_.empty() || xsk_ring_prod__reserve(&transmit_, 1, &place) != 1) return false;
  const uint64_t frame = free_.back();
  free_.pop_back();
  auto* to = static_cast<uint8_t*>(xsk_umem__get_data(memory(), frame));
  for (const rte_mbuf* segment = &packet; segment != nullptr; to += segment->data_len, segment = segment->next)
    std::memcpy(to, rte_pktmbuf_mtod(segment, const void*), segment->data_len);
  *xsk_ring_prod__tx_desc(&transmit_, place) = {frame, packet.pkt_len, 0};
  xsk_ring_prod__submit(&transmit_, 1);
  unsent_ = true;
  return true;
}

void XdpQueue::kick() noexcept {
  unsent_ = false;
  if (!xsk_ring_prod__needs_wakeup(&transmit_)) return;
  for (int kicks = 0; kicks < kKicksMost; ++kicks) {
    if (sendto(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) return;
    if (errno != EAGAIN && errno != EINTR) break;
  }
  unsent_ =
      errno == EAGAIN || errno == EBUSY || errno == ENOBUFS;  // later; else there is no link, and nothing to wait for
}

uint64_t XdpQueue::take_missed() noexcept {
  xdp_statistics counts{};
  socklen_t bytes = sizeof counts;
  if (getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &counts, &bytes) != 0) return 0;
  const uint64_t now = counts.rx_dropped + counts.rx_ring_full + counts.rx_fill_ring_empty_descs, before = missed_;
  missed_ = std::max(now, before);
  return missed_ - before;
}

}  // namespace roost
