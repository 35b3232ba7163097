// SPDX-License-Identifier: BSD-3-Clause
#include "core/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace roost {
namespace {

TEST(Histogram, Empty) {
  const auto histogram = std::make_unique<Histogram>();
  EXPECT_EQ(histogram->count(), 0U);
  EXPECT_EQ(histogram->quantile(0.5), 0U);
}

TEST(Histogram, SmallValuesAreExact) {
  const auto histogram = std::make_unique<Histogram>();
  for (uint64_t value = 0; value < 128; ++value) {
    histogram->clear();
    histogram->record(value);
    EXPECT_EQ(histogram->quantile(0.5), value);
  }
}

TEST(Histogram, AnyValueIsWithinOnePart128) {
  const auto histogram = std::make_unique<Histogram>();
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    uint64_t value = random() >> (random() % 64);
    if (i < 64) value = uint64_t{1} << i;
    if (i >= 64 && i < 128) value = UINT64_MAX >> (i - 64);
    histogram->clear();
    histogram->record(value, 3);
    EXPECT_EQ(histogram->count(), 3U);
    const uint64_t got = histogram->quantile(1);
    EXPECT_LE(got > value ? got - value : value - got, value / 128) << value;
  }
}

TEST(Histogram, QuantilesOfManyValues) {
  const auto histogram = std::make_unique<Histogram>();
  std::vector<uint64_t> values;
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) values.push_back(random() % 1'000'000);
  for (const uint64_t value : values) histogram->record(value);
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact = static_cast<double>(values[static_cast<size_t>(share * 10'000) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram->quantile(share)), exact, exact / 128 + 1) << share;
  }
  EXPECT_LE(histogram->quantile(0), values[0] + values[0] / 128);
}

TEST(Histogram, OneTakesInAnother) {
  Histogram one, other;
  for (uint64_t value = 1; value <= 10; ++value) one.record(value);
  other.record(50, 10);
  one.add(other);
  EXPECT_EQ(one.count(), 20U);
  EXPECT_EQ(one.quantile(0.5), 10U);
  EXPECT_EQ(one.quantile(1.0), 50U);
  EXPECT_EQ(other.count(), 10U);
}

}  // namespace
}  // namespace roost
