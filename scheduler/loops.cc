// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/loops.h"

#include <pthread.h>
#include <sys/prctl.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "core/log.h"

namespace roost {
namespace {

void bind(pthread_t thread, uint32_t loop, uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(thread, sizeof set, &set) != 0)
    log_warn("data loop {}: cannot stay on core {}", loop, cpu);
}

}  // namespace

Loops::Loops(LoopOptions options, std::vector<Member> members, Settings& settings, PacketPool& pool,
             const std::vector<ServiceState>& services, const std::vector<ChainState>& chains,
             const std::vector<int>& chain_of_port) {
  const auto count = static_cast<uint32_t>(members.size());
  for (const Member& member : members) cpus_.push_back(member.cpu);
  if (count > 1) {
    links_ = std::make_unique<LoopLinks>(count, options.nfs_max);
    std::vector<std::vector<uint32_t>> loops_of_port(chain_of_port.size());
    for (uint32_t number = 0; number < count; ++number)
      for (const auto& port : members[number].ports) loops_of_port[port->index()].push_back(number);
    links_->set_ports(std::move(loops_of_port));
  }
  const std::vector<LoopOptions::Core> shared = options.shared;
  for (uint32_t number = 0; number < count; ++number) {
    const uint32_t cpu = cpus_[number];
    options.links = links_.get();
    options.number = number;
    options.shares_core =
        std::count(cpus_.begin(), cpus_.end(), cpu) > 1 ||
        std::any_of(shared.begin(), shared.end(), [cpu](const auto& core) { return core.cpu == cpu; });
    for (uint32_t core = 0; core < shared.size(); ++core) options.shared[core].own = core % count == number;
    std::vector<ServiceState> own;  // what picks NFs is each loop's own
    for (const auto& service : services) own.push_back({service.name, ConsistentHash(), service.priority});
    loops_.push_back(std::make_unique<DataLoop>(options, settings, pool, std::move(members[number].ports),
                                                std::move(own), chains, chain_of_port));
  }
}

Loops::~Loops() { stop(); }

void Loops::start() {
  for (uint32_t number = 0; number < size(); ++number)
    threads_.emplace_back([this, number] {
      pthread_setname_np(pthread_self(), size() == 1 ? "roost-loop" : fmt::format("roost-loop-{}", number).c_str());
      prctl(PR_SET_TIMERSLACK, 1);
      bind(pthread_self(), number, cpus_[number]);
      loops_[number]->run();
    });
}

void Loops::stop() {
  for (const auto& loop : loops_) loop->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Loops::stay_on(uint32_t cpu) {
  for (uint32_t number = 0; number < threads_.size(); ++number)
    if (cpus_[number] == cpu) bind(threads_[number].native_handle(), number, cpu);
}

void Loops::one_by_one(const std::function<void(DataLoop&)>& work) {
  for (const auto& loop : loops_) work(*loop);
}

// Each loop arrives, waits for the end of the work, and leaves; a loop that sleeps is woken for it.
void Loops::together(const std::function<void()>& work) {
  if (size() == 1) return loops_.front()->call(work);
  std::mutex mutex;
  std::condition_variable arrived, released;
  uint32_t here = 0, left = 0;
  bool done = false;
  for (const auto& loop : loops_)
    loop->post([&] {
      std::unique_lock lock(mutex);
      if (++here == size()) arrived.notify_one();
      released.wait(lock, [&] { return done; });
      if (++left == size()) arrived.notify_one();
    });
  std::exception_ptr problem;
  std::unique_lock lock(mutex);
  arrived.wait(lock, [&] { return here == size(); });
  try {
    work();
  } catch (...) {
    problem = std::current_exception();
  }
  done = true;
  released.notify_all();
  arrived.wait(lock, [&] { return left == size(); });
  if (problem) std::rethrow_exception(problem);
}

void Loops::each(const std::function<void(DataLoop&)>& work) {
  together([&] { one_by_one(work); });
}

// What lies in rings from one to the other is held.
LoopBooks Loops::books() const noexcept {
  LoopBooks all;
  for (const auto& loop : loops_) {
    const LoopBooks books = loop->books();
    all.received += books.received;
    all.created += books.created;
    all.transmitted += books.transmitted;
    all.dropped += books.dropped;
    all.held += books.held + books.handed_over - books.taken_over;
  }
  return all;
}

uint64_t Loops::sum(LoopCounters::Count LoopCounters::*counter) const noexcept {
  uint64_t sum = 0;
  for (const auto& loop : loops_) sum += (loop->counters().*counter).get();
  return sum;
}

uint64_t Loops::dropped(size_t cause) const noexcept {
  uint64_t sum = 0;
  for (const auto& loop : loops_) sum += loop->counters().dropped[cause].get();
  return sum;
}

uint64_t Loops::dropped_at_entry(size_t cause) const noexcept {
  uint64_t sum = 0;
  for (const auto& loop : loops_) sum += loop->counters().dropped_at_entry[cause].get();
  return sum;
}

Placing Loops::placing() noexcept {
  Placing all = loops_.front()->placing();
  uint32_t known = all.demand != 0;
  for (uint32_t number = 1; number < size(); ++number) {
    const Placing own = loops_[number]->placing();
    for (uint32_t core = number; core < all.cores.size(); core += size()) all.cores[core] = own.cores[core];
    all.demand += own.demand;
    known += own.demand != 0;
  }
  all.demand /= std::max(known, 1U);
  return all;
}

std::unique_ptr<Histogram> Loops::latency() const {
  auto all = std::make_unique<Histogram>();
  for (const auto& loop : loops_) all->add(loop->latency());
  return all;
}

}  // namespace roost
