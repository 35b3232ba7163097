// SPDX-License-Identifier: BSD-3-Clause
// The decisions that a simulation asks for. By default they are the functions that Roost runs with; what differs is a
// planted fault, which shows that the checks can find one.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>

#include "experiments/simulator/model.h"
#include "scheduler/policy/buffer_share.h"
#include "scheduler/policy/wake.h"

namespace roost::simulator {

// Who of a core's workers runs next, and for how long.
class CoreSchedule {
 public:
  virtual ~CoreSchedule() = default;
  virtual void wait(uint32_t worker) = 0;  // it has something to do and wants the core
  virtual bool empty() const = 0;
  virtual uint32_t next() = 0;  // takes it out; not while empty
  virtual bool turn_is_over(uint32_t worker, uint64_t used_cycles) = 0;
  virtual void charge(uint32_t worker, uint64_t cycles) = 0;
  virtual void sleep(uint32_t worker) = 0;  // it had the core and has nothing more to do
  virtual void leave(uint32_t worker) = 0;  // for another core, waiting or not; it doesn't have the core
};

// Which of a worker's NFs with packets is dispatched next.
class RunSchedule {
 public:
  struct Turn {
    uint32_t nf, packets;  // at most so many, at least one
  };
  virtual ~RunSchedule() = default;
  virtual void add(uint32_t nf) = 0;  // it has packets, and had none
  virtual bool empty() const = 0;
  virtual Turn next(uint32_t burst) = 0;  // takes it out; not while empty
  // After its dispatch; with `more` it is in again.
  virtual void done(uint32_t nf, uint32_t packets, uint64_t cycles, bool more) = 0;
};

// The references: first come, first served; a turn ends with what a turn may use.
class FifoTurns : public CoreSchedule {
 public:
  explicit FifoTurns(uint64_t turn_cycles) : turn_cycles_(turn_cycles) {}
  void wait(uint32_t worker) override { waiting_.push_back(worker); }
  bool empty() const override { return waiting_.empty(); }
  uint32_t next() override;
  bool turn_is_over(uint32_t, uint64_t used_cycles) override { return used_cycles >= turn_cycles_; }
  void charge(uint32_t, uint64_t) override {}
  void sleep(uint32_t) override {}
  void leave(uint32_t worker) override { std::erase(waiting_, worker); }

 private:
  std::deque<uint32_t> waiting_;
  uint64_t turn_cycles_;
};

class BurstEach : public RunSchedule {
 public:
  void add(uint32_t nf) override { waiting_.push_back(nf); }
  bool empty() const override { return waiting_.empty(); }
  Turn next(uint32_t burst) override;
  void done(uint32_t nf, uint32_t, uint64_t, bool more) override {
    if (more) add(nf);
  }

 private:
  std::deque<uint32_t> waiting_;
};

struct Policies {
  std::function<bool(uint64_t, uint64_t, const WakeThreshold&)> worth_waking = roost::worth_waking;
  std::function<uint64_t(uint64_t, const WakeThreshold&)> wake_due = roost::wake_due;
  std::function<uint32_t(uint32_t free_packets)> buffer_limit = [](uint32_t free) {
    return DynamicThreshold{100}.limit(free);
  };
  std::function<std::unique_ptr<CoreSchedule>(const Model&)> core_schedule = [](const Model& model) {
    return std::make_unique<FifoTurns>(model.turn_cycles);
  };
  std::function<std::unique_ptr<RunSchedule>(const Model&)> run_schedule = [](const Model&) {
    return std::make_unique<BurstEach>();
  };
  // As LevelOut::decide().
  std::function<size_t(const Model&, std::span<PlacedCore>, std::span<PlacedWorker>, uint64_t period,
                       std::span<PlacementMove>)>
      place = [](const Model& model, std::span<PlacedCore> cores, std::span<PlacedWorker> workers, uint64_t period,
                 std::span<PlacementMove> moves) {
        return LevelOut(model.placement).decide(cores, workers, period, moves);
      };
  Promise promise;             // of the run schedule
  bool loses_packets = false;  // a fault of the simulated manager itself
};

// Planted faults, by name: no-deadline, no-turns, last-come-first, no-limit, lost-packets, no-hysteresis. Throws Error
// for another.
void plant(Policies& policies, const std::string& fault);

}  // namespace roost::simulator
