// SPDX-License-Identifier: BSD-3-Clause
#include <roost/nf.h>
#undef ROOST_NF  // a module exports one NF, and another test of this program has that
#define ROOST_NF(Class)
#include "examples/bridge.cc"  // NOLINT: an NF is one file

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/examples/fixed_context.h"

namespace {

TEST(BridgeNf, RefusesHalfAPair) {
  for (const char* end : {"a", "b"}) {
    roost::test::FixedContext context(nlohmann::json{{end, "net0"}});
    try {
      Bridge().start(context);
      FAIL() << "started";
    } catch (const std::exception& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("give both a and b"));
    }
  }
}

}  // namespace
