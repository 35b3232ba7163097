// SPDX-License-Identifier: BSD-3-Clause
// The data loops, one for each io core, as the control thread has them. Cores on which NFs run belong to them in turn.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "scheduler/data_loop.h"
#include "scheduler/loop_links.h"

namespace roost {

class Loops {
 public:
  using Ports = std::vector<std::unique_ptr<Port>>;

  // Of each loop: its CPU, and its ports.
  struct Member {
    uint32_t cpu = 0;
    Ports ports{};
  };
  // `options`: what all of them have in common. Throws Error.
  Loops(LoopOptions options, std::vector<Member> members, Settings& settings, PacketPool& pool,
        const std::vector<ServiceState>& services, const std::vector<ChainState>& chains,
        const std::vector<int>& chain_of_port);
  ~Loops();
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  uint32_t size() const noexcept { return static_cast<uint32_t>(loops_.size()); }
  DataLoop& operator[](uint32_t number) noexcept { return *loops_[number]; }
  const DataLoop& operator[](uint32_t number) const noexcept { return *loops_[number]; }
  uint32_t cpu(uint32_t number) const noexcept { return cpus_[number]; }
  // The loop that delivers to the workers of this core, and collects from them.
  uint32_t number_of_core(uint32_t core) const noexcept { return core % size(); }
  DataLoop& of_core(uint32_t core) noexcept { return *loops_[number_of_core(core)]; }

  void start();                // a thread for each
  void stop();                 // and waits for their ends
  void stay_on(uint32_t cpu);  // those whose CPU this is: they were kept from it

  // While all of them stand still between two turns. What `work` throws is thrown here.
  void together(const std::function<void()>& work);
  void each(const std::function<void(DataLoop&)>& work);  // likewise
  // The same before they are started, or where it need not be at once.
  void one_by_one(const std::function<void(DataLoop&)>& work);

  // Of all of them. The books: while they stand still.
  LoopBooks books() const noexcept;
  uint64_t sum(LoopCounters::Count LoopCounters::*counter) const noexcept;
  uint64_t dropped(size_t cause) const noexcept;
  uint64_t dropped_at_entry(size_t cause) const noexcept;
  std::unique_ptr<Histogram> latency() const;
  Placing placing() noexcept;  // while they stand still: each core as its own loop has it

 private:
  std::vector<uint32_t> cpus_;
  std::unique_ptr<LoopLinks> links_;  // null: there is one loop
  std::vector<std::unique_ptr<DataLoop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace roost
