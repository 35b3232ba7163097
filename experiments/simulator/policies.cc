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

}  // namespace

uint32_t FifoTurns::next() { return take_first(waiting_); }
uint32_t RoundRobin::next() { return take_first(waiting_); }

void plant(Policies& policies, const std::string& fault) {
  if (fault == "no-deadline") {
    policies.worth_waking = [](uint64_t waiting, uint64_t, const WakeThreshold& threshold) {
      return waiting >= threshold.packets;
    };
  } else if (fault == "no-turns") {  // a worker keeps the core for as long as it has packets
    policies.core_order = [](const Model&) { return std::make_unique<FifoTurns>(UINT64_MAX); };
  } else if (fault == "no-limit") {
    policies.buffer_limit = [](uint32_t free) { return NoThreshold{}.limit(free); };
  } else if (fault == "lost-packets") {
    policies.loses_packets = true;
  } else {
    fail("no fault is called '{}'; there are no-deadline, no-turns, no-limit and lost-packets", fault);
  }
}

}  // namespace roost::simulator
