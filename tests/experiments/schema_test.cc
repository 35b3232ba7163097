// SPDX-License-Identifier: BSD-3-Clause
// The documented form of a result, held by what is checked.
#include "experiments/lab/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/lab/figures.h"
#include "experiments/lab/progress.h"
#include "tests/support/run_program.h"

namespace roost::experiment {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

Json sound() {
  Json life{{"seed", 1},
            {"seconds", 1.5},
            {"steal_share", 0.0},
            {"others_share", 0.0},
            {"samples", {{"throughput_pps", {1.0, 2.0}}}},
            {"books", {{"received", 3}, {"created", 0}, {"transmitted", 2}, {"dropped", 1}, {"held", 0}}}};
  Json row{{"row", "nfs=1"},
           {"parameters", {{"nfs", 1}}},
           {"lives", {life}},
           {"figures", {{"throughput_pps", {{"median", 1.5}, {"least", 1.0}, {"most", 2.0}}}}}};
  return {{"schema", kResultSchema},
          {"experiment", "x"},
          {"question", "?"},
          {"state", "complete"},
          {"scale", "quick"},
          {"started", "a"},
          {"ended", "b"},
          {"lives", 1},
          {"options", Json::object()},
          {"limits", Json::array()},
          {"left_out", Json::array()},
          {"failures", Json::array()},
          {"units", {{"throughput_pps", "packets/s"}}},
          {"machine",
           {{"cpu", "c"},
            {"cores", 2},
            {"kernel", "k"},
            {"dpdk", "d"},
            {"tsc_mhz", 1.0},
            {"label", "l"},
            {"hugepages_free", "0"},
            {"governor", ""}}},
          {"rows", {row}}};
}

TEST(Schema, TakesASoundResult) { EXPECT_THAT(result_faults(sound()), IsEmpty()); }

TEST(Schema, FindsEachFieldThatIsMissingOrWrong) {
  const Json good = sound();
  for (const auto& [name, value] : good.items()) {
    Json without = good;
    without.erase(name);
    EXPECT_THAT(result_faults(without), Contains(HasSubstr(name))) << name;
    Json wrong = good;
    wrong[name] = nullptr;
    EXPECT_THAT(result_faults(wrong), Contains(HasSubstr(name))) << name;
  }
  for (const char* name : {"row", "parameters", "lives", "figures"}) {
    Json without = good;
    without["rows"][0].erase(name);
    EXPECT_THAT(result_faults(without), Contains(HasSubstr(name))) << name;
  }
  for (const char* name : {"seed", "samples", "books", "seconds", "steal_share", "others_share"}) {
    Json without = good;
    without["rows"][0]["lives"][0].erase(name);
    EXPECT_THAT(result_faults(without), Contains(HasSubstr(name))) << name;
  }
}

TEST(Schema, FindsWhatContradictsItself) {
  Json unknown = sound();
  unknown["rows"][0]["lives"][0]["samples"]["speed"] = {1};
  EXPECT_THAT(result_faults(unknown), Contains(HasSubstr("'speed' is no figure")));
  Json renamed = sound();
  renamed["rows"][0]["row"] = "nfs=2";
  EXPECT_THAT(result_faults(renamed), Contains(HasSubstr("not that of its parameters")));
  Json failed = sound();
  failed["failures"].push_back({{"row", "nfs=1"}});
  EXPECT_THAT(result_faults(failed), Contains(HasSubstr("has failures")));
  Json unbalanced = sound();
  unbalanced["rows"][0]["lives"][0]["books"]["dropped"] = 2;
  EXPECT_THAT(result_faults(unbalanced), Contains(HasSubstr("don't balance")));
  EXPECT_THAT(result_faults(Json::array()), Contains(HasSubstr("is no object")));
}

TEST(Schema, EveryFieldAndEveryFigureIsDocumented) {
  const std::string page = test::content_of(ROOST_SOURCE_DIR "/docs/benchmarking.md");
  const Json good = sound();
  for (const auto& [name, value] : good.items()) EXPECT_THAT(page, HasSubstr("| `" + name + "` |"));
  for (const FigureSpec& figure : figure_specs())
    EXPECT_THAT(page, HasSubstr("| `" + std::string(figure.name) + "` | " + std::string(figure.unit) + " |"));
}

TEST(Progress, TellsTheTimeThatIsLeft) {
  Progress progress(tmpfile(), false, 4);
  EXPECT_LT(progress.left_s(), 0);
  progress.begins("a", 10);
  progress.ends("a", 16);
  progress.begins("b", 20);
  progress.ends("b", 24);
  EXPECT_DOUBLE_EQ(progress.left_s(), 10);  // two more of five seconds each
  EXPECT_EQ(duration_text(10), "10 s");
  EXPECT_EQ(duration_text(600), "10 min");
  EXPECT_EQ(duration_text(12'000), "3 h 20 min");
}

}  // namespace
}  // namespace roost::experiment
