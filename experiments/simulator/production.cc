// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/simulator/production.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "scheduler/policy/core_queue.h"
#include "scheduler/policy/run_order.h"

namespace roost::simulator {
namespace {

// A worker's rounds, as the worker makes them: who cannot go on in this one waits for the next.
template <typename Policy>
class Rounds final : public RunSchedule {
 public:
  Rounds(const Model& model, Policy policy) : model_(model), policy_(policy) {}

  void add(uint32_t nf) override { later_.push_back(nf); }  // else a round need never end
  bool empty() const override { return now_.empty() && later_.empty(); }
  Turn next(uint32_t burst) override {
    for (;;) {
      if (now_.empty()) {
        policy_.next_round();
        now_.swap(later_);
      }
      const uint32_t nf = now_.front();
      now_.pop_front();
      if (const uint32_t packets = policy_.turn(credit(nf), model_.nfs[nf].weight, burst); packets != 0)
        return {nf, packets};
      later_.push_back(nf);
    }
  }
  void done(uint32_t nf, uint32_t packets, uint64_t cycles, bool more) override {
    policy_.charge(credit(nf), packets, cycles);
    if (!more)
      policy_.rests(credit(nf));
    else if (policy_.goes_on(credit(nf)))
      now_.push_front(nf);
    else
      later_.push_back(nf);
  }

 private:
  RunCredit& credit(uint32_t nf) { return credits_[nf]; }

  const Model& model_;
  Policy policy_;
  std::deque<uint32_t> now_, later_;
  std::unordered_map<uint32_t, RunCredit> credits_;
};

class Queue final : public CoreSchedule {
 public:
  Queue(const Model& model, roost::CoreOrder order)
      : model_(model), queue_(make_core_queue({.order = order})), waiters_(model.workers.size()) {}
  ~Queue() override {
    for (uint32_t worker = 0; worker < waiters_.size(); ++worker) {
      if (!known(worker)) continue;
      if (waiters_[worker].waits) queue_->unwait(waiters_[worker]);
      queue_->remove(waiters_[worker]);
    }
  }

  void wait(uint32_t worker) override {
    Waiter& waiter = waiters_[worker];
    if (!waiter.known) {
      waiter.known = true;
      waiter.id = worker;
      waiter.tenant = model_.workers[worker].tenant;
      waiter.weight = model_.workers[worker].weight;
      queue_->add(waiter);
    }
    waiter.waits = true;
    queue_->wait(waiter);
  }
  bool empty() const override { return queue_->first() == nullptr; }
  uint32_t next() override {
    auto& first = static_cast<Waiter&>(*queue_->first());
    first.waits = false;
    queue_->take(first);
    return first.id;
  }
  bool turn_is_over(uint32_t worker, uint64_t used_cycles) override {
    if (used_cycles < model_.turn_cycles) return false;
    const CoreWaiter* first = queue_->first();
    return first != nullptr && !queue_->goes_on(waiters_[worker], *first);
  }
  void charge(uint32_t worker, uint64_t cycles) override { queue_->charge(waiters_[worker], cycles); }
  void sleep(uint32_t worker) override { queue_->absent(waiters_[worker]); }
  void leave(uint32_t worker) override {
    Waiter& waiter = waiters_[worker];
    if (!std::exchange(waiter.known, false)) return;
    if (std::exchange(waiter.waits, false)) queue_->unwait(waiter);
    queue_->remove(waiter);
  }

 private:
  struct Waiter : CoreWaiter {
    bool known = false, waits = false;
  };
  bool known(uint32_t worker) const { return waiters_[worker].known; }

  const Model& model_;
  std::unique_ptr<CoreQueue> queue_;
  std::vector<Waiter> waiters_;
};

template <typename Policy>
void run_by(Policies& policies, Policy (*make)(const Model&)) {
  policies.run_schedule = [make](const Model& model) { return std::make_unique<Rounds<Policy>>(model, make(model)); };
}

}  // namespace

void use(Policies& policies, const std::string& run_order, const std::string& core_order) {
  if (run_order == "rr") {
    run_by<roost::RoundRobin>(policies, [](const Model&) { return roost::RoundRobin(); });
  } else if (run_order == "drr") {
    run_by<DeficitRoundRobin>(policies, [](const Model& model) {
      DeficitRoundRobin drr;
      drr.set_quantum(model.quantum_cycles);
      return drr;
    });
    // Two rounds more than its cycles take: the first packet tells what one costs, and debts are paid first.
    policies.promise.rounds = [](const Model& model, const NfModel& nf, uint64_t before) {
      const uint64_t quantum = std::max<uint64_t>(1, model.quantum_cycles * nf.weight / kStandardWeight);
      const uint64_t cost = nf.cost_cycles + model.dispatch_cycles;
      return std::max(before / model.burst_packets + 1, (before + 1) * cost / quantum + 1) + 2;
    };
    // A quantum, and what the estimate of a packet's cost was short of.
    policies.promise.round_cycles = [](const Model& model, const NfModel& nf) {
      const uint64_t burst = model.dispatch_cycles + uint64_t{model.burst_packets} * nf.cost_cycles;
      return model.quantum_cycles * nf.weight / kStandardWeight + burst;
    };
  } else if (!run_order.empty()) {
    fail("no run order is called '{}'; there are rr and drr", run_order);
  }
  const std::pair<const char*, roost::CoreOrder> orders[] = {{"first_come", roost::CoreOrder::first_come},
                                                             {"least_used", roost::CoreOrder::least_used},
                                                             {"priority", roost::CoreOrder::priority}};
  if (core_order.empty()) return;
  const auto* const order =
      std::find_if(std::begin(orders), std::end(orders), [&](const auto& each) { return each.first == core_order; });
  if (order == std::end(orders))
    fail("no core order is called '{}'; there are first_come, least_used and priority", core_order);
  policies.core_schedule = [which = order->second](const Model& model) {
    return std::make_unique<Queue>(model, which);
  };
}

}  // namespace roost::simulator
