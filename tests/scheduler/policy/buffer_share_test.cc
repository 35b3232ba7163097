// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/buffer_share.h"

#include <gtest/gtest.h>

#include <vector>

namespace roost {
namespace {

// A pool whose owners take whatever they are let have, one packet at a time in turn, and give nothing back.
template <typename Policy>
std::vector<uint32_t> fill(uint32_t packets, uint32_t owners, const Policy& policy) {
  std::vector<uint32_t> has(owners);
  uint32_t free = packets;
  for (bool more = true; more;) {
    more = false;
    for (uint32_t& owner : has) {
      if (free == 0 || buffer_left(policy.limit(free), owner) == 0) continue;
      ++owner;
      --free;
      more = true;
    }
  }
  return has;
}

TEST(BufferShare, OneHogEndsWithAlphaOverOnePlusAlpha) {
  EXPECT_NEAR(fill(32'768, 1, DynamicThreshold{100})[0], 16'384, 1);
  EXPECT_NEAR(fill(32'768, 1, DynamicThreshold{200})[0], 32'768 * 2 / 3, 2);
  EXPECT_NEAR(fill(32'768, 1, DynamicThreshold{50})[0], 32'768 / 3, 2);
}

TEST(BufferShare, ManyHogsLeaveSomethingToTheNext) {
  for (const uint32_t hogs : {2U, 10U, 100U}) {
    const auto has = fill(32'768, hogs, DynamicThreshold{100});
    uint32_t free = 32'768;
    for (const uint32_t each : has) {
      EXPECT_NEAR(each, 32'768 / (1 + hogs), 2) << hogs;
      free -= each;
    }
    EXPECT_GT(buffer_left(DynamicThreshold{100}.limit(free), 0), 32'768 / (2 + hogs)) << hogs;
  }
}

TEST(BufferShare, TheReferenceLeavesNothing) {
  const auto has = fill(1'000, 1, NoThreshold{});
  EXPECT_EQ(has[0], 1'000U);
  EXPECT_EQ(fill(1'000, 1, DynamicThreshold{0})[0], 1'000U);
}

TEST(BufferShare, NothingOverflows) {
  EXPECT_EQ(DynamicThreshold{6'400}.limit(UINT32_MAX), kNoBufferLimit);
  EXPECT_EQ(DynamicThreshold{100}.limit(0), 0U);
  EXPECT_EQ(buffer_left(5, 7), 0U);
  EXPECT_EQ(buffer_left(7, 5), 2U);
}

// Two levels: inboxes in one host that nobody empties, in turn, while nobody else takes of the pool.
TEST(BufferShare, InboxesOfOneHostLeaveEachOtherRoom) {
  for (const uint32_t nfs : {1U, 8U, 500U}) {
    std::vector<uint32_t> inboxes(nfs);
    uint32_t owned = 0;
    const auto left = [&] { return buffer_left(DynamicThreshold{100}.limit(32'768 - owned), owned); };
    for (bool more = true; more;) {
      more = false;
      for (uint32_t& inbox : inboxes) {
        if (inbox >= left()) continue;
        ++inbox;
        ++owned;
        more = true;
      }
    }
    EXPECT_GT(left(), 32'768 / (2 * nfs + 1) - 2) << nfs;
    EXPECT_LT(owned, 32'768U / 2);
  }
}

}  // namespace
}  // namespace roost
