// SPDX-License-Identifier: BSD-3-Clause
// A whole manager in the experiment's process, with real hosts and ports and chains as the experiment asks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "experiments/harness/pulse_port.h"
#include "experiments/harness/steered_port.h"
#include "experiments/harness/window_port.h"
#include "scheduler/manager.h"

namespace roost::experiment {

// A port and the chain of what comes in there. Services are numbered through all lanes: s0, s1, ...
struct Lane {
  uint32_t services = 1;
  uint32_t flows = 1000;
  uint64_t rate_pps = 0;  // 0: as fast as it is taken
  bool imix = false;      // 64, 570 and 1518 bytes as 7:4:1; else 64
  double zipf_s = 0;      // not 0: flow k has weight k^-zipf_s; else all have the same
  std::string capture{};  // instead of generated packets, these, again and again
  uint64_t seed = 1;
};

struct RigOptions {
  std::vector<Lane> lanes = std::vector<Lane>(1);
  uint32_t window = 0;      // not 0: the first lane has no generator, but keeps this number of packets in flight
  double pulses_per_s = 0;  // not 0: the first lane has no generator, but sends single stamped packets at this pace
  bool steered = false;     // the first lane's rate is set by trial()
  uint32_t packets = 32768;
  uint32_t flow_rows = 1 << 18;
  std::vector<uint32_t> shared = {1};  // cores
};

// What was offered at one rate and what became of it.
struct RateTrial {
  double seconds = 0;                     // in which they were sent
  double whole_s = 0;                     // until all had arrived: what CPU time and wakes are of
  uint64_t offered = 0, transmitted = 0;  // packets due, also those missed; packets out, of them
  // While they were sent; where all is offered, from the first one on that came out, since a long chain fills first.
  double out_pps = 0;
  double loss() const { return offered == 0 ? 0 : 1 - static_cast<double>(transmitted) / static_cast<double>(offered); }
  double p50_us = 0, p99_us = 0, p999_us = 0, max_us = 0;
  uint64_t wakes = 0;
  double workers_cpu_s = 0, manager_cpu_s = 0;
};

// One at a time in a process: the packet memory lies at a fixed address.
class Rig {
 public:
  explicit Rig(const RigOptions& options, const std::vector<std::string>& settings = {});  // NAME=VALUE
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  Manager& manager() { return *manager_; }
  PulsePort& pulse() { return *pulse_; }
  void spawn(const std::string& module, const std::string& service, uint32_t count, Tier tier,
             const Json& config = Json::object());
  // Traffic on; and off, until nothing is on its way. Throws Error where the books don't balance then.
  void start() { manager_->pause_receiving(false); }
  void settle();
  Json books();  // as they stand
  // The first lane is steered: sends at this rate (0: all that is taken) for so long, and waits until all has arrived.
  RateTrial trial(double rate_pps, double seconds);
  void steer(double rate_pps);   // from now on; while nothing is received
  void feed(const Lane& lane);   // from now on the steered lane's packets are these; while nothing is received
  double workers_cpu_s();        // CPU time of all hosts so far
  double manager_cpu_s() const;  // and of this process
  std::vector<pid_t> host_pids();
  // Packets that each NF, by number, has been through.
  std::vector<uint64_t> packets_of_nfs();
  // Packets a second that come out at the chain's end, over one slice; traffic flows only during it.
  double rate_over(double seconds, double warm_up_seconds = 0.02);
  static PortConfig generator(uint32_t flows, uint64_t rate_pps = 0);
  static PortConfig source(const Lane& lane);
  static std::string module_path(const std::string& module);

 private:
  std::string folder_;
  PulsePort* pulse_ = nullptr;
  WindowPort* window_ = nullptr;
  SteeredPort* steered_ = nullptr;
  std::unique_ptr<Manager> manager_;
};

}  // namespace roost::experiment
