// SPDX-License-Identifier: BSD-3-Clause
// The highest rate at which no more than a given part of the packets is lost, by a bounded binary search: RFC 2544's
// throughput (no loss: NDR) and its relative with some loss allowed (PDR), found in one search, in the manner of
// MLRsearch (draft-ietf-bmwg-mlrsearch): what was measured for one goal counts for the other.
//
// A rate passes a goal where the median of its repeated trials does: on a shared machine a single stolen time slice
// would otherwise decide. Rates are tried on a scale of equal ratios, since errors are relative.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

namespace roost::experiment {

struct SearchGoal {
  double loss_max = 0;  // part of the packets
};

struct SearchOptions {
  double rate_least = 1'000;  // below this nothing is looked for
  double rate_most = 1e6;     // what comes out when more is offered than it can take, and a little more
  double width = 0.05;        // the search ends where the bounds are this close, relatively
  int trials_most = 40;       // and at the latest after so many trials
  int repeats = 3;            // of each rate
};

struct SearchResult {
  std::vector<double> rates;  // by goal: the highest that passed; 0: none did
  int trials = 0;
};

class RateSearch {
 public:
  // Sends at this rate and returns the part that was lost.
  using Trial = std::function<double(double rate)>;

  RateSearch(const SearchOptions& options, Trial trial) : options_(options), trial_(std::move(trial)) {}

  SearchResult find(const std::vector<SearchGoal>& goals) {
    SearchResult result;
    for (const SearchGoal& goal : goals) result.rates.push_back(find_one(goal.loss_max));
    result.trials = trials_;
    return result;
  }

 private:
  double find_one(double loss_max) {
    double low = 0, high = 0;  // the highest that passed, the lowest above it that failed; 0: none
    for (const auto& [rate, loss] : losses_) {
      if (loss <= loss_max)
        low = rate;
      else
        break;  // losses above a failing rate say nothing: the curve need not be monotonous
    }
    if (const auto next = losses_.upper_bound(low); next != losses_.end()) high = next->first;
    if (low == 0 && high == 0) {
      if (passes(options_.rate_most, loss_max)) return options_.rate_most;
      high = options_.rate_most;
    }
    if (high == 0) return low;
    while (trials_ < options_.trials_most) {
      if (low == 0 && high <= options_.rate_least) break;
      // Down by halves until something passes, then between what passed and what failed.
      const double rate = low == 0 ? std::max(options_.rate_least, high / 2) : std::sqrt(low * high);
      if (low != 0 && high / low <= 1 + options_.width) break;
      (passes(rate, loss_max) ? low : high) = rate;
    }
    return low;
  }

  bool passes(double rate, double loss_max) {
    std::vector<double> losses;
    for (int i = 0; i < options_.repeats && trials_ < options_.trials_most; ++i) {
      losses.push_back(trial_(rate));
      ++trials_;
    }
    if (losses.empty()) return false;
    std::nth_element(losses.begin(), losses.begin() + static_cast<std::ptrdiff_t>(losses.size() / 2), losses.end());
    losses_[rate] = losses[losses.size() / 2];
    return losses_[rate] <= loss_max;
  }

  SearchOptions options_;
  Trial trial_;
  std::map<double, double> losses_;  // median, by rate
  int trials_ = 0;
};

}  // namespace roost::experiment
