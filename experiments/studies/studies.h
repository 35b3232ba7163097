// SPDX-License-Identifier: BSD-3-Clause
// The experiments, a file each with its question at its top, and what they share.
#pragma once

#include <string>
#include <vector>

#include "experiments/harness/harness.h"
#include "experiments/harness/rig.h"
#include "experiments/lab/experiment.h"

namespace roost::experiment {

Experiment density();
Experiment baselines();
Experiment wake_thresholds();
Experiment controller();
Experiment tuner();
Experiment idle();
Experiment churn();
Experiment noisy_neighbour();
Experiment latency();
Experiment chain();
Experiment fairness();

// Every row of a product of dimensions: {"nfs": [1, 10], "tier": ["fiber"]} has two.
std::vector<Json> product(const Json& dimensions);
// The row `base`, and for each dimension the rows that differ from it in that one alone.
std::vector<Json> lines(const Json& base, const Json& dimensions);

Tier tier_of(const Json& parameters);
// Why a row needs more than this machine has, or nothing. By `nfs`, `tier` and, where there is one, `shared_cores`.
std::string machine_problem(const Json& parameters, const MachineLimits& limits);

// Flows of which each goes to an NF at random, so that about this part of so many NFs gets some.
uint32_t flows_for(uint32_t nfs, double active_share);

// Figures of one trial, under their usual names.
void add_latency(Life& life, const RateTrial& trial);
void add_cpu(Life& life, const RateTrial& trial);

std::vector<std::string> with(std::vector<std::string> settings, const std::vector<std::string>& more);

}  // namespace roost::experiment
