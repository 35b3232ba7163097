// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/simulator/policies.h"

#include "core/error.h"

namespace roost::simulator {
namespace {

uint32_t take_first(std::deque<uint32_t>& waiting) {
  const uint32_t first = waiting.front();
  waiting.pop_front();
  return first;
}

class LastComeFirst final : public RunSchedule {
 public:
  void add(uint32_t nf) override { waiting_.push_back(nf); }
  bool empty() const override { return waiting_.empty(); }
  Turn next(uint32_t burst) override {
    const uint32_t last = waiting_.back();
    waiting_.pop_back();
    return {last, burst};
  }
  void done(uint32_t nf, uint32_t, uint64_t, bool more) override {
    if (more) add(nf);
  }

 private:
  std::vector<uint32_t> waiting_;
};

}  // namespace

uint32_t FifoTurns::next() { return take_first(waiting_); }
RunSchedule::Turn BurstEach::next(uint32_t burst) { return {take_first(waiting_), burst}; }

void plant(Policies& policies, const std::string& fault) {
  if (fault == "no-deadline") {
    policies.worth_waking = [](uint64_t waiting, uint64_t, const WakeThreshold& threshold) {
      return waiting >= threshold.packets;
    };
  } else if (fault == "no-turns") {  // a worker keeps the core for as long as it has packets
    policies.core_schedule = [](const Model&) { return std::make_unique<FifoTurns>(UINT64_MAX); };
  } else if (fault == "last-come-first") {
    policies.run_schedule = [](const Model&) { return std::make_unique<LastComeFirst>(); };
  } else if (fault == "no-limit") {
    policies.buffer_limit = [](uint32_t free) { return NoThreshold{}.limit(free); };
  } else if (fault == "lost-packets") {
    policies.loses_packets = true;
  } else if (fault == "no-hysteresis") {  // whoever would be better off moves, at once and again
    policies.place = [](const Model&, std::span<PlacedCore> cores, std::span<PlacedWorker> workers, uint64_t period,
                        std::span<PlacementMove> moves) {
      return LevelOut({.margin = 0, .stay_periods = 0, .moves_max = UINT32_MAX}).decide(cores, workers, period, moves);
    };
  } else {
    fail(
        "no fault is called '{}'; there are no-deadline, no-turns, last-come-first, no-limit, lost-packets and "
        "no-hysteresis",
        fault);
  }
}

}  // namespace roost::simulator
