// SPDX-License-Identifier: BSD-3-Clause
// A port, as the data loop uses it, or one of its queues, where several loops have one each. One loop owns it: only its
// thread calls receive, transmit, next_receive_tsc, wake_fd, arm and disarm. Anyone may read the counters and the
// link's state; the control thread asks for what is new about the link.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/port_config.h"

struct rte_mbuf;
struct rte_mempool;

namespace roost {

struct PortCounters {
  // One writer, the port's loop: a plain load and store, no locked instruction.
  class Count {
   public:
    void add(uint64_t n) noexcept {
      value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<uint64_t> value_{0};
  };

  struct ReceiveDropped {
    Count no_buffer;  // the pool was empty and the packet could not wait
    Count oversize;   // longer than kPortFrameBytesMax
    Count runt;       // shorter than an Ethernet header
    Count missed;     // due, but not taken in time: a bounded backlog or the kernel's queue was full
    Count malformed;  // left half done for hardware to finish, but not what it says it is
  };

  Count received;
  Count received_bytes;
  Count transmitted;
  Count transmitted_bytes;
  Count transmit_dropped;  // taken over, then lost: a capture that could not be written
  // Apart from `received`: packets that never reached the caller.
  ReceiveDropped receive_dropped;
};

inline constexpr uint32_t kPortFrameBytesMin = 14;
inline constexpr uint32_t kPortFrameBytesMax = 65535;
inline constexpr uint64_t kNeverTsc = UINT64_MAX;

enum class LinkState : uint8_t { none, up, down, gone, moved };  // none: the port has no link
const char* link_state_name(LinkState state) noexcept;

class Port {
 public:
  Port(std::string name, uint16_t index) : name_(std::move(name)), index_(index) {}
  virtual ~Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // Up to `count` packets; each mbuf comes from the pool the port was opened with and belongs to the caller.
  // stamps_tsc[i]: when the packet arrived or, where there is a schedule, when it was meant to be sent.
  virtual uint16_t receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept = 0;

  // Takes the first n (returned) packets over, to be freed when they are sent; the caller keeps the rest.
  virtual uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept = 0;

  // The TSC at which receive() is worth calling again: 0 at once, kNeverTsc never by itself.
  virtual uint64_t next_receive_tsc() const noexcept = 0;

  // A descriptor that is readable when receive() is worth calling, whatever next_receive_tsc() says, so that a loop
  // with nothing to do can sleep; -1: there is none, or it would tell nothing now.
  virtual int wake_fd() const noexcept { return -1; }
  // Around a sleep on wake_fd(), which may tell of nothing before arm(). False: packets are there, don't sleep.
  virtual bool arm() noexcept { return true; }
  virtual void disarm() noexcept {}

  // Any thread.
  virtual LinkState link() const noexcept { return LinkState::none; }
  // The control thread, when something about this machine's links has changed: looks at its own, tells the log, and
  // returns what the loop's thread has to do now, if anything.
  virtual std::function<void()> look_at_link() { return {}; }
  // The control thread, before counters are read: brings in what the kernel counts.
  virtual void read_kernel_counts() noexcept {}

  // No packet will come any more: a capture replayed once, a generator's count reached.
  virtual bool finished() const noexcept { return false; }

  const PortCounters& counters() const noexcept { return counters_; }
  std::string_view name() const noexcept { return name_; }
  uint16_t index() const noexcept { return index_; }

 protected:
  // Frees to the packets' pools and counts them as transmitted: the ports that have no wire.
  void discard(rte_mbuf** packets, uint16_t count) noexcept;

  PortCounters counters_;

 private:
  const std::string name_;
  const uint16_t index_;
};

// Setup: throws Error, which names the port and the remedy. `pool` must outlive the port and all its packets. Null:
// this queue, not the first, is more than the interface or device has.
std::unique_ptr<Port> open_port(const PortConfig& config, uint16_t index, rte_mempool* pool, uint64_t tsc_hz);

}  // namespace roost
