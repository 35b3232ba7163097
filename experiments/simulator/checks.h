// SPDX-License-Identifier: BSD-3-Clause
// What must hold in every run, whatever the load and the seed:
//   conservation   arrived = served + refused + waiting (in inboxes, backlogs, in hand, kept)
//   no starvation  an NF with packets is dispatched again within the time in which its core can serve everybody once
//   bounded wait   a packet waits for no longer than its wake deadline, and that time for every burst that is before it
//   isolation      what stays within its share is never refused
//   bounded moves  no more workers move in a period than may, and who has moved stays for as long as is set
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/simulator/model.h"

namespace roost::simulator {

struct Totals {
  uint64_t arrived = 0, served = 0, hops = 0;
  uint64_t refused_no_buffer = 0, refused_share = 0, refused_inbox = 0, refused_backpressure = 0;
  uint64_t dropped_midway = 0;  // stays 0: nothing in the model drops there
  uint64_t wakes = 0, wakes_by_deadline = 0, dispatches = 0, events = 0;
  uint64_t longest_wait_cycles = 0;
  uint64_t wait_cycles = 0;  // sum over hops
  uint64_t waiting = 0;      // at the end
  uint64_t moves = 0;        // of workers, to another core
  uint64_t refused() const { return refused_no_buffer + refused_share + refused_inbox + refused_backpressure; }
};

struct Violation {
  uint64_t at_cycles;
  std::string property, what;
};

class Checks {
 public:
  Checks(const Model& model, const Promise& promise);

  // How long a packet may wait with so many before it in its inbox.
  uint64_t bound(uint32_t nf, uint64_t packets_before) const {
    return model_.wake.deadline_cycles + model_.wake_latency_cycles +
           promise_.rounds(model_, model_.nfs[nf], packets_before) * round_cycles_[model_.nfs[nf].worker];
  }
  void waited(uint64_t now, uint32_t nf, uint64_t cycles, uint64_t bound_cycles);
  void hungry(uint64_t now, uint32_t nf, uint64_t cycles);
  void books(uint64_t now, const Totals& totals, uint64_t waiting);
  void refused(uint64_t now, uint32_t source);
  void moved(uint64_t now, uint32_t worker, uint64_t period);

  uint64_t violations() const { return count_; }
  uint64_t violations(const std::string& property) const;
  const std::vector<Violation>& first() const { return first_; }

 private:
  void violated(uint64_t now, const char* property, std::string what);

  const Model model_;
  const Promise promise_;
  std::vector<uint64_t> round_cycles_;  // by worker
  std::vector<uint64_t> moved_;         // by worker: the period of its last move, 0: none
  uint64_t period_ = 0;
  uint32_t moves_ = 0;            // in this period
  std::vector<Violation> first_;  // of each property, a few
  struct Count {
    std::string property;
    uint64_t count;
  };
  std::vector<Count> counts_;
  uint64_t count_ = 0;
};

}  // namespace roost::simulator
