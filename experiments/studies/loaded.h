// SPDX-License-Identifier: BSD-3-Clause
// NFs under a part of the load that they can take, for as long as this lives, and slices of it with one wake threshold
// or another.
#pragma once

#include "cli/tuner.h"
#include "experiments/studies/studies.h"

namespace roost::experiment {

cli::WakeChoice standard_choice();  // the default settings

class Loaded {
 public:
  // Starts them, and finds out what they can take with the default settings.
  Loaded(Tier tier, uint32_t nfs, double load_percent, const TrialOptions& options);

  RateTrial slice(const cli::WakeChoice& choice);
  Json books() { return rig_.books(); }

 private:
  static RigOptions rig_options(uint32_t nfs, const TrialOptions& options);

  const TrialOptions& options_;
  Rig rig_;
  double rate_pps_ = 0;
};

}  // namespace roost::experiment
