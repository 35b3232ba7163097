// SPDX-License-Identifier: BSD-3-Clause
// One queue of an interface, by AF_XDP (kernel documentation, networking/af_xdp): memory that the kernel shares, and
// four rings. Packets are copied from that memory and into it, once; between it and the card there is no copy where the
// card's driver can.
#pragma once

#include <xdp/xsk.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/ports/xdp_frames.h"

struct rte_mbuf;

namespace roost {

class XdpQueue {
 public:
  // Throws Error.
  XdpQueue(const std::string& interface, uint32_t queue);
  ~XdpQueue();
  XdpQueue(const XdpQueue&) = delete;
  XdpQueue& operator=(const XdpQueue&) = delete;

  int fd() const noexcept;  // readable when packets wait

  // Up to `count` packets; take(i, bytes, length) copies the i-th.
  template <typename Take>
  uint32_t receive(uint32_t count, Take&& take) noexcept {
    if (unsent_) kick();
    const uint32_t came = receive_frames(receive_, fill_, memory(), count, std::forward<Take>(take));
    wake_filling();
    return came;
  }

  // Copies this packet, of kXdpFrameBytes at most, to be sent with the next kick(). False: there is no room.
  bool put(const rte_mbuf& packet) noexcept;
  // Has the kernel send what was put.
  void kick() noexcept;
  bool has_unsent() const noexcept { return unsent_; }

  // Packets that had no frame or no place to go, since this was last asked. One thread.
  uint64_t take_missed() noexcept;

 private:
  struct Unmap {
    void operator()(void* memory) const noexcept;
  };
  void* memory() const noexcept { return memory_.get(); }
  void wake_filling() noexcept;
  void take_completed() noexcept;

  std::unique_ptr<void, Unmap> memory_;
  xsk_umem* umem_ = nullptr;
  xsk_socket* socket_ = nullptr;
  xsk_ring_prod fill_{}, transmit_{};
  xsk_ring_cons completed_{}, receive_{};
  std::vector<uint64_t> free_;  // frames to send in
  bool unsent_ = false;         // the kernel has not taken all that was put
  uint64_t missed_ = 0;
};

}  // namespace roost
