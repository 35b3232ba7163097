// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/semaphore_sweep.h"

#include <rte_mbuf.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "core/clock.h"
#include "core/error.h"
#include "core/flow_key.h"
#include "core/packet_memory.h"
#include "examples/busy_work.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kSlots = 8192, kBurst = 32;

struct Ring {
  alignas(64) std::atomic<uint32_t> produced;
  alignas(64) std::atomic<uint32_t> consumed;
  alignas(64) uint32_t slot[kSlots];

  uint32_t count() const { return produced.load() - consumed.load(); }
  void push(uint32_t value) {
    const uint32_t at = produced.load(std::memory_order_relaxed);
    slot[at % kSlots] = value;
    produced.store(at + 1, std::memory_order_release);
  }
  uint32_t pop(uint32_t* values, uint32_t most) {
    const uint32_t from = consumed.load(std::memory_order_relaxed);
    const uint32_t there = produced.load(std::memory_order_acquire) - from;
    const uint32_t n = there < most ? there : most;
    for (uint32_t i = 0; i < n; ++i) values[i] = slot[(from + i) % kSlots];
    if (n != 0) consumed.store(from + n, std::memory_order_release);
    return n;
  }
};

// What openNetVM keeps in each packet: an NF says in it what shall become of the packet, the manager reads it.
struct Meta {
  uint8_t action, chain_index;
  uint16_t source, destination;
};
constexpr uint8_t kActionToNf = 2;

Meta& meta_of(uint32_t packet) noexcept { return *static_cast<Meta*>(rte_mbuf_to_priv(packet_view(packet))); }

template <typename T>
T* share(size_t count) {
  void* memory = mmap(nullptr, sizeof(T) * count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail_errno("semaphore sweep: shared memory");
  return static_cast<T*>(memory);
}

}  // namespace

struct SemaphoreSweep::Nf {
  Ring in, out;
  alignas(64) std::atomic<uint32_t> sleeping;
  alignas(64) sem_t semaphore;
};

SemaphoreSweep::SemaphoreSweep(PacketPool& pool, const Options& options)
    : pool_(pool),
      options_(options),
      flows_(options.flow_rows, 8),
      packet_of_(pool.handle_bound()),
      nfs_(share<Nf>(options.nfs)) {
  for (uint32_t i = 0; i < options_.nfs; ++i) {
    sem_init(&nfs_[i].semaphore, 1, 0);
    const pid_t child = fork();
    if (child < 0) fail_errno("semaphore sweep: fork");
    if (child == 0) run_nf(nfs_[i]);
    children_.push_back(child);
  }
}

SemaphoreSweep::~SemaphoreSweep() {
  for (const pid_t child : children_) kill(child, SIGKILL);
  for (const pid_t child : children_) waitpid(child, nullptr, 0);
  munmap(nfs_, sizeof(Nf) * options_.nfs);
}

void SemaphoreSweep::run_nf(Nf& nf) const {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin_to(1);
  const uint64_t steps = busy_steps(options_.cost_cycles);
  for (uint32_t burst[kBurst];;) {
    const uint32_t n = nf.in.pop(burst, kBurst);
    if (n == 0 && options_.wait == Wait::yield) {
      sched_yield();
      continue;
    }
    if (n == 0) {
      nf.sleeping.store(1);
      sem_wait(&nf.semaphore);
      continue;
    }
    for (uint32_t i = 0; i < n; ++i) {
      packet_buffer(burst[i])[kHeadroomBytes] ^= 1;
      if (steps != 0) busy_work(steps);
      Meta& meta = meta_of(burst[i]);
      meta.action = kActionToNf;
      ++meta.destination;
      nf.out.push(burst[i]);
    }
  }
}

void SemaphoreSweep::receive(WindowPort& port, uint16_t most) noexcept {
  rte_mbuf* packets[kBurst];
  uint64_t stamps[kBurst];
  FlowKey keys[kBurst];
  uint32_t hashes[kBurst];
  FlowEntry* flows[kBurst];
  const uint16_t n = port.receive(packets, stamps, most, tsc_now());
  for (uint32_t i = 0; i < n; ++i) __builtin_prefetch(rte_pktmbuf_mtod(packets[i], void*));
  flow_keys(packets, n, 0, keys);
  flows_.find(keys, n, hashes, flows);
  for (uint32_t i = 0; i < n; ++i) {
    if (flows[i] == nullptr) flows[i] = flows_.insert(keys[i], hashes[i]);
    if (flows[i] != nullptr) flows[i]->last_seen_s = 1;
    const uint32_t handle = PacketPool::handle_of(packets[i]);
    packet_of_[handle] = packets[i];
    meta_of(handle) = {};
    const uint32_t first =
        options_.chain ? 0 : static_cast<uint32_t>((uint64_t{hashes[i]} * options_.nfs) >> 32);  // by the flow's hash
    nfs_[first].in.push(handle);
  }
  in_flight_ += n;
}

// Returns how many packets have come out.
uint64_t SemaphoreSweep::move_on(WindowPort& port) noexcept {
  uint64_t through = 0;
  for (uint32_t i = 0; i < options_.nfs; ++i) {
    uint32_t burst[kBurst];
    rte_mbuf* out[kBurst];
    uint16_t leaving = 0;
    const uint32_t n = nfs_[i].out.pop(burst, kBurst);
    for (uint32_t k = 0; k < n; ++k) {
      Meta& meta = meta_of(burst[k]);
      if (meta.action != kActionToNf) continue;
      meta.source = static_cast<uint16_t>(i);
      ++meta.chain_index;
      if (!options_.chain || meta.destination == options_.nfs) {
        out[leaving++] = packet_of_[burst[k]];
      } else {
        nfs_[meta.destination].in.push(burst[k]);
      }
    }
    if (leaving != 0) port.transmit(out, leaving);
    through += leaving;
  }
  in_flight_ -= through;
  return through;
}

void SemaphoreSweep::post() noexcept {
  for (uint32_t i = 0; i < options_.nfs; ++i) {
    if (nfs_[i].in.count() == 0 || nfs_[i].sleeping.load() == 0) continue;
    nfs_[i].sleeping.store(0);
    sem_post(&nfs_[i].semaphore);
  }
}

double SemaphoreSweep::rate_over(double seconds, uint32_t window, double warm_up_seconds, double rate_pps) {
  WindowPort port("in", 0, pool_.pool(), window, options_.flows);
  const double began = seconds_now();
  double received = 0;
  uint64_t through = 0;
  const auto turn = [&](uint16_t most) {
    const uint64_t before = in_flight_;
    receive(port, most);
    received += static_cast<double>(in_flight_ - before);
    through += move_on(port);
    if (options_.wait == Wait::semaphore) post();
  };
  // Packets that come out go in again: at once, or when the next one is due.
  const auto run_until = [&](double end) {
    double now = began;
    while ((now = seconds_now()) < end) {
      for (int i = 0; i < 16; ++i) {
        const double due = rate_pps == 0 ? kBurst : (now - began) * rate_pps - received;
        turn(static_cast<uint16_t>(std::clamp(due, 0.0, double{kBurst})));
      }
    }
    return now;
  };
  const double warm = run_until(began + warm_up_seconds);
  through = 0;
  const double ended = run_until(warm + seconds);
  const double rate = static_cast<double>(through) / (ended - warm);
  while (in_flight_ != 0) turn(0);  // what is on its way arrives
  return rate;
}

}  // namespace roost::experiment
