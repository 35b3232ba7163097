// SPDX-License-Identifier: BSD-3-Clause
// A whole manager in the experiment's process, with real hosts, two ports and chains as the experiment asks.
#pragma once

#include <memory>
#include <string>

#include "experiments/first_light/window_port.h"
#include "scheduler/manager.h"

namespace roost::experiment {

struct RigOptions {
  uint32_t services = 1;  // in one chain
  uint32_t flows = 1000;
  uint32_t window = 0;  // 0: a generator, as fast as it is taken; else a fixed number of packets in flight
  uint32_t packets = 32768;
  uint32_t flow_rows = 1 << 18;
};

class Rig {
 public:
  explicit Rig(const RigOptions& options, const std::vector<std::string>& settings = {});  // NAME=VALUE
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  Manager& manager() { return *manager_; }
  WindowPort* window() { return window_; }
  void spawn(const std::string& module, const std::string& service, uint32_t count, Tier tier);
  // Packets a second that come out at the chain's end, over one slice; traffic flows only during it.
  double rate_over(double seconds, double warm_up_seconds = 0.02);
  static PortConfig generator(uint32_t flows);

 private:
  std::string folder_;
  WindowPort* window_ = nullptr;
  std::unique_ptr<Manager> manager_;
};

}  // namespace roost::experiment
