// SPDX-License-Identifier: BSD-3-Clause
// Trials of wake thresholds on a running manager, under the traffic that it has. What was set before is set again when
// this goes, unless a choice is kept.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/client.h"
#include "cli/tuner.h"

namespace roost::cli {

// A choice as settings: names and values.
std::vector<std::pair<const char*, uint64_t>> settings_of(const WakeChoice& choice);

class LiveTrials {
 public:
  // `wait` sleeps for so many seconds, or throws. Throws Error where there is no such service.
  LiveTrials(Client& client, std::string service, double trial_s, std::function<void(double seconds)> wait);
  ~LiveTrials();
  LiveTrials(const LiveTrials&) = delete;
  LiveTrials& operator=(const LiveTrials&) = delete;

  const WakeChoice& present() const noexcept { return present_; }
  double seconds_each() const noexcept;
  // Throws Error where no packet came. What the manager refuses to set delivers nothing.
  TuneOutcome run(const WakeChoice& choice);
  void keep(const WakeChoice& choice);
  void restore();  // what was set before, unless a choice was kept; once

 private:
  struct Snapshot {
    double uptime_s = 0, received = 0, lost = 0, cpu_s = 0;
    double p99_us = 0;
    uint64_t timed = 0;  // packets that the p99 is of
  };
  Snapshot look();
  Json scoped(Json parameters) const;
  void set(const WakeChoice& choice);

  Client& client_;
  std::string service_;
  double trial_s_;
  std::function<void(double)> wait_;
  WakeChoice present_;
  std::vector<bool> own_;  // of each setting: it was set here, and is not from a wider scope
  bool restored_ = false;
  double lost_share_most_ = -1;  // not known before the first trial
};

}  // namespace roost::cli
