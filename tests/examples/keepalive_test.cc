// SPDX-License-Identifier: BSD-3-Clause
#include <roost/nf.h>
#undef ROOST_NF  // a module exports one NF, and another test of this program has that
#define ROOST_NF(Class)
#include "examples/keepalive.cc"  // NOLINT: an NF is one file

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/examples/fixed_context.h"

namespace {

std::string refusal(const roost::Json& config) {
  roost::test::FixedContext context(config);
  try {
    Keepalive().start(context);
    return "started";
  } catch (const std::exception& error) {
    return error.what();
  }
}

TEST(KeepaliveNf, RefusesWhatItCannotDo) {
  EXPECT_THAT(refusal(roost::Json::object()), testing::HasSubstr("\"out\" is missing"));
  EXPECT_THAT(refusal({{"out", "net0"}, {"period_ms", 0}}), testing::HasSubstr("\"period_ms\" is a whole number"));
  EXPECT_EQ(refusal({{"out", "net0"}}), "started");
}

}  // namespace
