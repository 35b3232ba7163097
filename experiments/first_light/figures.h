// SPDX-License-Identifier: BSD-3-Clause
// The figures of first light, each a question that a file of its own answers.
#pragma once

#include "experiments/harness/harness.h"

namespace roost::experiment {

struct FiguresOptions : MeasureOptions {
  FiguresOptions() { slice_s = 0.1; }
  uint32_t nfs_min = 0, nfs_max = 0;  // 0: all
};

Json density(const FiguresOptions& options);
Json chains(const FiguresOptions& options);
Json footprint(const FiguresOptions& options);
Json rest(const FiguresOptions& options);

}  // namespace roost::experiment
