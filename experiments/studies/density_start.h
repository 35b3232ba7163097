// SPDX-License-Identifier: BSD-3-Clause
// What density measures: NFs that have been started once, traffic that may be changed while they live, and the bare
// pipeline that does the same work for a packet.
#pragma once

#include <optional>
#include <vector>

#include "experiments/harness/bare_pipeline.h"
#include "experiments/studies/studies.h"

namespace roost::experiment {

class DensityStart {
 public:
  // Starts the NFs of these rows, which differ in `active_percent` and `traffic` alone, and lets the largest number of
  // flows among them settle. Adds what the start cost to each life.
  DensityStart(const std::vector<Json>& rows, const TrialOptions& options, std::vector<Life>& lives);

  // Traffic as this row has it, and a short while of it, counted nowhere.
  void feed(const Json& row);
  // The most that comes out in slices beside the bare pipeline's, and where the cycles go. Returns its median.
  double measure_mrr(Life& life);
  // NDR and PDR, and latency at 10, 50 and 90 % of PDR.
  void measure_rates(double mrr, Life& life);
  // Since the last call, or the start.
  void add_books(Life& life);

 private:
  struct NfCounts {
    uint64_t visits = 0;            // packets, over all NFs
    double cycles = 0;              // over all NFs
    std::vector<uint64_t> packets;  // of each NF, or of some
  };
  Lane lane_of(const Json& row) const;
  RigOptions rig_options(const std::vector<Json>& rows) const;
  void spawn(const Json& row);
  void settle_flows(const Json& row);
  NfCounts nf_counts();

  const TrialOptions& options_;
  const uint32_t nfs_, hops_;
  const uint64_t cost_;
  const double shared_cores_;
  const RigOptions rig_options_;
  Rig rig_;
  std::optional<BarePipeline> bare_;
  NfCounts counted_;
  Json books_;
};

}  // namespace roost::experiment
