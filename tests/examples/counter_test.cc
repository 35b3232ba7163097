// SPDX-License-Identifier: BSD-3-Clause
#include <roost/nf.h>
#undef ROOST_NF  // a module exports one NF, and another test of this program has that
#define ROOST_NF(Class)
#include "examples/counter.cc"  // NOLINT: an NF is one file

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/examples/fixed_context.h"
#include "tests/support/temp_dir.h"

namespace {

TEST(CounterNf, RefusesAReportThatItCannotWrite) {
  const roost::test::TempDir folder;
  roost::test::FixedContext good(nlohmann::json{{"report", folder.path("counts")}});
  roost::test::FixedContext bad(nlohmann::json{{"report", folder.path("no/counts")}});
  EXPECT_NO_THROW(Counter().start(good));
  try {
    Counter().start(bad);
    FAIL() << "started";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("no/counts': cannot write it; name a file in a folder that exists"));
  }
}

}  // namespace
