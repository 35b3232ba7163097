// SPDX-License-Identifier: BSD-3-Clause
// Models of the situations that scheduling has to cope with, of any size.
#pragma once

#include <string>
#include <vector>

#include "experiments/simulator/model.h"

namespace roost::simulator {

struct Size {
  uint32_t nfs = 4'000, nfs_per_worker = 10, cores = 8;
  uint32_t load_percent = 70;  // of what the cores could do
  uint64_t seed = 1;
  uint64_t end_cycles = 40'000'000;
};

struct Scenario {
  std::string name, meaning;
  Model (*model)(const Size&);
};

const std::vector<Scenario>& scenarios();
// Throws Error for a name that is none.
Model make_model(const std::string& scenario, const Size& size);

}  // namespace roost::simulator
