// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/bare_pipeline.h"

#include <rte_mbuf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "core/clock.h"
#include "core/error.h"
#include "examples/busy_work.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kSlots = 4096, kBurst = 32;

}  // namespace

struct BarePipeline::Ring {
  alignas(64) std::atomic<uint32_t> produced;
  alignas(64) std::atomic<uint32_t> consumed;
  alignas(64) uint32_t slot[kSlots];
};

struct BarePipeline::Shared {
  Ring there, back;
};

BarePipeline::BarePipeline(PacketPool& pool, const PortConfig& generator, uint32_t flow_rows, uint64_t tsc_hz,
                           uint64_t cost_cycles)
    : pool_(pool),
      tsc_hz_(tsc_hz),
      in_(open_port(generator, 0, pool.pool(), tsc_hz)),
      out_(open_port(PortConfig{}, 1, pool.pool(), tsc_hz)),
      flows_(flow_rows, 8),
      owner_(pool.handle_bound()),
      packet_of_(pool.handle_bound()) {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) fail_errno("bare pipeline: shared memory");
  shared_ = static_cast<Shared*>(memory);
  child_ = fork();
  if (child_ < 0) fail_errno("bare pipeline: fork");
  if (child_ == 0) poll_packets(*shared_, cost_cycles);
  kill(child_, SIGSTOP);
}

BarePipeline::~BarePipeline() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  munmap(shared_, sizeof(Shared));
}

void BarePipeline::feed(const PortConfig& source) { in_ = open_port(source, 0, pool_.pool(), tsc_hz_); }

void BarePipeline::poll_packets(Shared& shared, uint64_t cost_cycles) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin_to(1);
  const uint64_t steps = busy_steps(cost_cycles);
  for (uint32_t from = 0, out = 0;;) {
    const uint32_t to = shared.there.produced.load(std::memory_order_acquire);
    const uint32_t n = to - from < kBurst ? to - from : kBurst;
    if (n == 0) continue;
    for (uint32_t i = 0; i < n; ++i)
      __builtin_prefetch(packet_buffer(shared.there.slot[(from + i) % kSlots]) + kHeadroomBytes);
    while (out - shared.back.consumed.load(std::memory_order_acquire) > kSlots - kBurst) continue;
    for (uint32_t i = 0; i < n; ++i) {
      const uint32_t handle = shared.there.slot[(from + i) % kSlots];
      packet_buffer(handle)[kHeadroomBytes] ^= 1;
      if (steps != 0) busy_work(steps);
      shared.back.slot[(out + i) % kSlots] = handle;
    }
    shared.there.consumed.store(from += n, std::memory_order_release);
    shared.back.produced.store(out += n, std::memory_order_release);
  }
}

void BarePipeline::turn(bool receiving) noexcept {
  rte_mbuf* packets[kBurst];
  uint64_t stamps[kBurst];
  FlowKey keys[kBurst];
  uint32_t hashes[kBurst];
  FlowEntry* flows[kBurst];
  const uint32_t n = receiving ? in_->receive(packets, stamps, kBurst, tsc_now()) : 0;
  for (uint32_t i = 0; i < n; ++i) __builtin_prefetch(rte_pktmbuf_mtod(packets[i], void*));
  flow_keys(packets, n, 0, keys);
  flows_.find(keys, n, hashes, flows);
  for (uint32_t i = 0; i < n; ++i) {
    if (flows[i] == nullptr) flows[i] = flows_.insert(keys[i], hashes[i]);
    if (flows[i] == nullptr || produced_ - consumed_seen_ == kSlots) {
      consumed_seen_ = shared_->there.consumed.load(std::memory_order_acquire);
      if (flows[i] == nullptr || produced_ - consumed_seen_ == kSlots) {
        rte_pktmbuf_free(packets[i]);
        continue;
      }
    }
    flows[i]->last_seen_s = 1;
    const uint32_t handle = PacketPool::handle_of(packets[i]);
    owner_[handle] = 1;
    packet_of_[handle] = packets[i];
    shared_->there.slot[produced_++ % kSlots] = handle;
    ++out_with_child_;
  }
  shared_->there.produced.store(produced_, std::memory_order_release);
  const uint32_t available = shared_->back.produced.load(std::memory_order_acquire) - collected_;
  const uint32_t k = available < 2 * kBurst ? available : 2 * kBurst;
  rte_mbuf* back[2 * kBurst];
  uint16_t good = 0;
  for (uint32_t i = 0; i < k; ++i) {
    const uint32_t handle = shared_->back.slot[(collected_ + i) % kSlots];
    if (!pool_.valid(handle) || owner_[handle] != 1) continue;
    owner_[handle] = 0;
    back[good++] = packet_of_[handle];
  }
  shared_->back.consumed.store(collected_ += k, std::memory_order_release);
  if (good != 0) out_->transmit(back, good);
  back_ += good;
  out_with_child_ -= good;
}

double BarePipeline::rate_over(double seconds, double warm_up_seconds) {
  kill(child_, SIGCONT);
  const double warm = seconds_now() + warm_up_seconds;
  while (seconds_now() < warm)
    for (int i = 0; i < 64; ++i) turn(true);
  const double began = seconds_now();
  const uint64_t before = back_;
  double now = began;
  while ((now = seconds_now()) - began < seconds)
    for (int i = 0; i < 64; ++i) turn(true);
  const auto count = static_cast<double>(back_ - before);
  while (out_with_child_ != 0) turn(false);
  kill(child_, SIGSTOP);
  return count / (now - began);
}

}  // namespace roost::experiment
