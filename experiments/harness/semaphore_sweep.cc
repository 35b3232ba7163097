// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/harness/semaphore_sweep.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "core/error.h"
#include "examples/busy_work.h"
#include "experiments/harness/harness.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kSlots = 8192, kBurst = 32, kPacketBytes = 2368;

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
  uint32_t rss_hash;
};
constexpr uint8_t kActionToNf = 2;
constexpr uint32_t kDataAt = 256;  // behind the mbuf and the headroom

Meta& meta_of(uint8_t* packets, uint32_t packet) {
  return *reinterpret_cast<Meta*>(packets + size_t{packet} * kPacketBytes);
}

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

SemaphoreSweep::SemaphoreSweep(uint32_t nfs, Shape shape, Wait wait, uint64_t cost_cycles)
    : count_(nfs),
      shape_(shape),
      wait_(wait),
      nfs_(share<Nf>(nfs)),
      packets_(share<uint8_t>(size_t{kSlots} * kPacketBytes)) {
  for (uint32_t i = 0; i < count_; ++i) {
    sem_init(&nfs_[i].semaphore, 1, 0);
    const pid_t child = fork();
    if (child < 0) fail_errno("semaphore sweep: fork");
    if (child == 0) run_nf(nfs_[i], packets_, wait, cost_cycles);
    children_.push_back(child);
  }
}

SemaphoreSweep::~SemaphoreSweep() {
  for (const pid_t child : children_) kill(child, SIGKILL);
  for (const pid_t child : children_) waitpid(child, nullptr, 0);
  munmap(nfs_, sizeof(Nf) * count_);
  munmap(packets_, size_t{kSlots} * kPacketBytes);
}

void SemaphoreSweep::run_nf(Nf& nf, uint8_t* packets, Wait wait, uint64_t cost_cycles) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin_to(1);
  const uint64_t steps = busy_steps(cost_cycles);
  for (uint32_t burst[kBurst];;) {
    const uint32_t n = nf.in.pop(burst, kBurst);
    if (n == 0 && wait == Wait::yield) {
      sched_yield();
      continue;
    }
    if (n == 0) {
      nf.sleeping.store(1);
      sem_wait(&nf.semaphore);
      continue;
    }
    for (uint32_t i = 0; i < n; ++i) {
      packets[size_t{burst[i]} * kPacketBytes + kDataAt] ^= 1;
      if (steps != 0) busy_work(steps);
      Meta& meta = meta_of(packets, burst[i]);
      meta.action = kActionToNf;
      meta.destination = static_cast<uint16_t>(meta.destination + 1);
      nf.out.push(burst[i]);
    }
  }
}

void SemaphoreSweep::enter(uint32_t packet) noexcept {
  meta_of(packets_, packet) = {};
  uint32_t first = 0;
  if (shape_ == Shape::beside_each_other) {
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    first = static_cast<uint32_t>(((random_ >> 32) * count_) >> 32);
  }
  nfs_[first].in.push(packet);
}

// Returns how many packets have come out.
uint64_t SemaphoreSweep::turn() noexcept {
  uint64_t through = 0;
  uint32_t burst[kBurst];
  for (uint32_t i = 0; i < count_; ++i) {
    const uint32_t n = nfs_[i].out.pop(burst, kBurst);
    for (uint32_t k = 0; k < n; ++k) {
      Meta& meta = meta_of(packets_, burst[k]);
      if (meta.action != kActionToNf) continue;
      meta.source = static_cast<uint16_t>(i);
      ++meta.chain_index;
      if (shape_ == Shape::beside_each_other || meta.destination == count_) {
        outside_.push_back(burst[k]);
        ++through;
      } else {
        nfs_[meta.destination].in.push(burst[k]);
      }
    }
  }
  for (uint32_t i = 0; i < count_ && wait_ == Wait::semaphore; ++i) {
    if (nfs_[i].in.count() == 0 || nfs_[i].sleeping.load() == 0) continue;
    nfs_[i].sleeping.store(0);
    sem_post(&nfs_[i].semaphore);
  }
  return through;
}

double SemaphoreSweep::rate_over(double seconds, uint32_t window, double warm_up_seconds, double rate_pps) {
  outside_.clear();
  for (uint32_t i = 0; i < window; ++i) outside_.push_back(i);
  const double began = seconds_now();
  double sent = 0;
  uint64_t through = 0;
  // Packets that come out go in again: at once, or when the next one is due.
  const auto run_until = [&](double end) {
    double now = began;
    while ((now = seconds_now()) < end) {
      for (int i = 0; i < 16; ++i) {
        const double due = rate_pps == 0 ? 1e18 : (now - began) * rate_pps;
        for (; !outside_.empty() && sent < due; ++sent) {
          enter(outside_.back());
          outside_.pop_back();
        }
        through += turn();
      }
    }
    return now;
  };
  const double warm = run_until(began + warm_up_seconds);
  through = 0;
  const double ended = run_until(warm + seconds);
  const double rate = static_cast<double>(through) / (ended - warm);
  while (outside_.size() != window) turn();  // what is on its way arrives
  return rate;
}

}  // namespace roost::experiment
