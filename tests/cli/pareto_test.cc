// SPDX-License-Identifier: BSD-3-Clause
#include "cli/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace roost::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParetoFront, HoldsWhatNothingElseBeats) {
  EXPECT_THAT(pareto_front({{1, 9}, {2, 5}, {3, 6}, {4, 1}, {5, 1}}), ElementsAre(0, 1, 3));
}

TEST(ParetoFront, OfEqualsTheFirst) { EXPECT_THAT(pareto_front({{2, 2}, {2, 2}, {2, 3}}), ElementsAre(0)); }

TEST(ParetoFront, NothingAndWhatIsNoNumber) {
  EXPECT_THAT(pareto_front({}), IsEmpty());
  EXPECT_THAT(pareto_front({{NAN, 1}, {1, NAN}, {3, 3}}), ElementsAre(2));
}

TEST(ParetoFront, IsWhatItsDefinitionSays) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int> cost(0, 30);
  for (int round = 0; round < 50; ++round) {
    std::vector<TwoCosts> outcomes(40);
    for (auto& outcome : outcomes) outcome = {static_cast<double>(cost(random)), static_cast<double>(cost(random))};
    const auto front = pareto_front(outcomes);
    const auto beats = [](const TwoCosts& a, const TwoCosts& b) {
      return a.one <= b.one && a.other <= b.other && (a.one < b.one || a.other < b.other);
    };
    for (const size_t place : front)
      for (const TwoCosts& other : outcomes) EXPECT_FALSE(beats(other, outcomes[place]));
    for (const TwoCosts& outcome : outcomes)  // each is on it, equal to one on it, or beaten by one on it
      EXPECT_TRUE(std::any_of(front.begin(), front.end(), [&](size_t place) {
        return beats(outcomes[place], outcome) ||
               (outcomes[place].one == outcome.one && outcomes[place].other == outcome.other);
      }));
  }
}

}  // namespace
}  // namespace roost::cli
