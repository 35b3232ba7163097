// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/studies/loaded.h"

#include "cli/live_trial.h"

namespace roost::experiment {
namespace {

constexpr uint64_t kCostCycles = 250;
constexpr int kCapacitySlices = 3;

uint64_t standard(const char* setting) {
  return setting_specs()[static_cast<size_t>(Settings::find(setting))].standard;
}

}  // namespace

cli::WakeChoice standard_choice() {
  return {standard("wake_packets"), standard("wake_deadline_us"), standard("spin_us")};
}

RigOptions Loaded::rig_options(uint32_t nfs, const TrialOptions& options) {
  RigOptions rig;
  rig.steered = true;
  rig.lanes[0].flows = flows_for(nfs, 1);
  rig.lanes[0].seed = options.seed;
  return rig;
}

Loaded::Loaded(Tier tier, uint32_t nfs, double load_percent, const TrialOptions& options)
    : options_(options), rig_(rig_options(nfs, options), options.settings) {
  rig_.spawn("busy", "s0", nfs, tier, {{"cycles", kCostCycles}});
  rig_.trial(0, options.warm_up_s);
  std::vector<double> capacity;
  for (int i = 0; i < kCapacitySlices; ++i) capacity.push_back(rig_.trial(0, options.slice_s).out_pps);
  rate_pps_ = spread_of(capacity).median * load_percent / 100;
}

RateTrial Loaded::slice(const cli::WakeChoice& choice) {
  for (const auto& [name, value] : cli::settings_of(choice)) rig_.manager().set(name, value);
  return rig_.trial(rate_pps_, options_.slice_s);
}

}  // namespace roost::experiment
