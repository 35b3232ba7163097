// SPDX-License-Identifier: BSD-3-Clause
// What of several outcomes is worth a thought: the Pareto front of two costs. An outcome is on it where no other is at
// least as good in both and better in one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace roost::cli {

struct TwoCosts {
  double one = 0, other = 0;  // less is better
};

// The places of those on the front, by the first cost, rising. Of equal ones the first. What is not a number is on no
// front.
inline std::vector<size_t> pareto_front(const std::vector<TwoCosts>& outcomes) {
  std::vector<size_t> order;
  for (size_t i = 0; i < outcomes.size(); ++i)
    if (!std::isnan(outcomes[i].one) && !std::isnan(outcomes[i].other)) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (outcomes[a].one != outcomes[b].one) return outcomes[a].one < outcomes[b].one;
    return outcomes[a].other < outcomes[b].other;
  });
  std::vector<size_t> front;
  for (const size_t i : order)
    if (front.empty() || outcomes[i].other < outcomes[front.back()].other) front.push_back(i);
  return front;
}

}  // namespace roost::cli
