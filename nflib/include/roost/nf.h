// SPDX-License-Identifier: BSD-3-Clause
// A network function, as its author sees it:
//
//   #include <roost/nf.h>
//
//   class Bridge final : public roost::Nf {
//    public:
//     void process(roost::Burst& burst) noexcept override {
//       for (auto& packet : burst) packet.verdict = roost::out(packet.in_port() ^ 1);
//     }
//   };
//   ROOST_NF(Bridge)
//
// Its build is one line of CMake: roost_add_nf(bridge bridge.cc). The same module runs as one of thousands of fibers of
// a host or as a process of its own.
//
// An NF runs on one worker at a time and needs no locks of its own. "On the worker" is inside process(), on_timer() and
// on_message(). Packets are its own only inside process(), unless it keeps them (roost::keep) or has made them.
#pragma once

#include <rte_mbuf.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "core/nf_message.h"
#include "core/verdict.h"

namespace roost {

// One packet and what shall become of it; next() unless the NF says otherwise.
class Packet {
 public:
  Packet() = default;
  explicit Packet(rte_mbuf* view) noexcept : view_(view) {}

  Verdict verdict;

  // The frame's first segment; most frames have no other. Everything rte_mbuf's functions can do, they can do here.
  uint8_t* data() const noexcept { return rte_pktmbuf_mtod(view_, uint8_t*); }
  uint32_t bytes() const noexcept { return rte_pktmbuf_data_len(view_); }
  uint32_t bytes_total() const noexcept { return rte_pktmbuf_pkt_len(view_); }
  uint16_t in_port() const noexcept { return view_->port; }
  // Its `hash` is Roost's as long as the packet is the NF's: the hops that it has taken.
  rte_mbuf* mbuf() const noexcept { return view_; }

  // The header of this type at this offset (bytes), null where the first segment is too short for it.
  template <typename Header>
  Header* header(size_t offset = 0) const noexcept {
    const bool fits =
        sizeof(Header) <= bytes() && offset <= bytes() - sizeof(Header);  // no sum: offsets may be anything
    return fits ? reinterpret_cast<Header*>(data() + offset) : nullptr;
  }

 private:
  rte_mbuf* view_ = nullptr;
};

// 1 to 64 packets, in the order in which they came.
class Burst {
 public:
  Burst(Packet* packets, uint32_t count) noexcept : packets_(packets), count_(count) {}
  Packet* begin() const noexcept { return packets_; }
  Packet* end() const noexcept { return packets_ + count_; }
  uint32_t size() const noexcept { return count_; }
  Packet& operator[](uint32_t i) const noexcept { return packets_[i]; }

 private:
  Packet* packets_;
  uint32_t count_;
};

// Names a timer of this NF; none: there was no memory for one.
enum class TimerId : uint64_t { none };

// What an NF knows of where it runs. Lives as long as the NF.
class Context {
 public:
  virtual ~Context() = default;
  virtual uint32_t nf_id() const noexcept = 0;                // unique in the manager
  virtual std::string_view config() const noexcept = 0;       // JSON, as given to `roost spawn --config`; "{}" if none
  virtual uint16_t service(std::string_view name) const = 0;  // for to(); throws std::runtime_error if there is none
  virtual uint16_t port(std::string_view name) const = 0;     // for out(); likewise

  // Packets of one's own: says (in start()) that this NF makes some, so that the manager grants its host packets ahead.
  // On the worker, rte_pktmbuf_alloc(pool()) then gives one, or null while none is granted; elsewhere it gives null.
  virtual void reserve_packets(uint32_t count) = 0;
  virtual rte_mempool* pool() noexcept = 0;
  // Sends a packet that the NF has made or kept. Only on the worker; elsewhere the packet is freed. One that the NF
  // has made, or cut off another, has no chain: out(), or to() an NF that says out().
  virtual void send(rte_mbuf* packet, Verdict verdict) noexcept = 0;

  // Timers, in start() and on the worker: on_timer() is called again and again, or once, packets or not. In whole
  // milliseconds, 1 at least. Those of one period fire together, at its multiples (so that thousands of NFs wake their
  // worker once): the first time comes within one period. What was missed, on a busy core or while the NF waited, is
  // made up for once, not often. One that fires once does so after at least this long, and is cancelled by itself.
  virtual TimerId every(std::chrono::milliseconds period) = 0;
  virtual TimerId after(std::chrono::milliseconds delay) = 0;
  virtual void cancel(TimerId timer) noexcept = 0;  // it does not fire any more; not for another NF's

  // A message to an NF of the same host (this one, too), whose on_message() gets it later. False: there is no such NF
  // in this host, kMessagesMax wait for it already, or the text has more than kMessageBytesMax.
  virtual bool post(uint32_t nf_id, std::string_view message) noexcept = 0;
};

class Nf {
 public:
  virtual ~Nf() = default;  // on the control thread, behind the last process(); may free packets
  // Once, before the first packet, on the host's control thread; may take its time, and throw: the spawn then fails
  // with the exception's text.
  virtual void start(Context& context) { static_cast<void>(context); }
  // A burst; every packet's verdict counts when this returns. May call yield() and sleep_for(). Where it takes longer
  // than the manager's setting overrun_us between two of these, its thread loses the worker to another one, and the NF
  // gets no further packets until an operator resumes it: what it then calls here does nothing, and what it says of
  // this burst counts all the same. System calls may be interrupted (EINTR). Thread-local variables may be others'
  // after a wait, and in the next burst.
  virtual void process(Burst& burst) noexcept = 0;
  // A timer has fired; a message has come (its text is there until this returns). On the worker, between two bursts:
  // what process() may do, these may. Not while the NF waits in the middle of one of the three; they follow then.
  virtual void on_timer(TimerId timer) noexcept { static_cast<void>(timer); }
  virtual void on_message(std::string_view message) noexcept { static_cast<void>(message); }
};

// On the worker: lets the worker's other NFs go first, and returns in a later round.
void yield() noexcept;
// On the worker: likewise, and returns once this time is over.
void sleep_for(std::chrono::microseconds time) noexcept;
// On the worker: likewise, until there is a message for this NF, which on_message() then doesn't get. Nothing where
// none has come in this time, and where there is no memory to wait with.
std::optional<std::string> wait_message(std::chrono::microseconds time) noexcept;

// What a module exports under the name "roost_module"; ROOST_NF writes it.
struct ModuleDescriptor {
  uint32_t magic;
  uint32_t abi_version;
  const char* name;
  size_t nf_bytes, nf_alignment;
  Nf* (*construct)(void* where);
};
inline constexpr uint32_t kModuleMagic = 0x54534f52;  // "ROST"
inline constexpr uint32_t kNfAbiVersion = 2;          // changes with anything in this file

}  // namespace roost

#define ROOST_NF(Class)                                                                         \
  extern "C" __attribute__((visibility("default"))) const roost::ModuleDescriptor roost_module; \
  const roost::ModuleDescriptor roost_module{                                                   \
      roost::kModuleMagic, roost::kNfAbiVersion, #Class,                                        \
      sizeof(Class),       alignof(Class),       [](void* where) -> roost::Nf* { return new (where) Class(); }};
