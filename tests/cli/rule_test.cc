// SPDX-License-Identifier: BSD-3-Clause
// roost rule: what it asks a manager, and what it prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/fake_manager.h"
#include "tests/support/temp_dir.h"

namespace roost {
namespace {

using test::FakeManager;
using test::Outcome;
using test::roost_at;
using test::roost_run;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(RuleCommand, WrongUsageEndsWithTwo) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"rule", "add"}, "give one rule, or --file"},
      {{"rule", "add", "--file", "/none"}, "cannot read '/none'"},
      {{"rule", "add", "--file", "/dev/null"}, "there is no rule in '/dev/null'"},
      {{"rule", "add", "drop", "--file", "x"}, "give one rule, or --file"},
      {{"rule", "add", "drop", "--replace", "x"}, "'x' is no rule"},
      {{"rule", "del"}, "say which"},
      {{"rule", "del", "3", "--all"}, "say which"},
      {{"rule", "del", "9-7"}, "'9-7' is no rule"},
      {{"rule", "show"}, "required"},
  };
  for (const auto& [arguments, remedy] : cases) {
    const Outcome outcome = roost_run(arguments);
    EXPECT_EQ(outcome.status, 2) << remedy;
    EXPECT_THAT(outcome.error, AllOf(StartsWith("roost: "), HasSubstr(remedy)));
  }
}

TEST(RuleCommand, AddSendsWholeRulesAndPrintsWarnings) {
  const FakeManager manager(FakeManager::result(
      {{"first", 5}, {"count", 1}, {"removed", 2}, {"warnings", {"rule 5 is never\033[reached"}}, {"total", 4}}));
  const Outcome one = roost_at(manager, {"rule", "add", "tcp", "dport=80", "chain=web", "--replace", "1,3-4"});
  EXPECT_EQ(one.status, 0);
  EXPECT_EQ(one.out, "rule 5 added, 2 removed\n");
  EXPECT_THAT(one.error, HasSubstr("roost: warning: rule 5 is never?[reached"));
  const test::TempDir folder;
  const std::string file = folder.file("rules", "# all\n tcp drop # why\n\nudp chain=a\n");
  EXPECT_EQ(roost_at(manager, {"rule", "add", "--file", file, "--replace-all"}).status, 0);
  const auto requests = manager.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].at("method"), "rule_add");
  EXPECT_EQ(requests[0].at("params").at("rules"), Json({"tcp dport=80 chain=web"}));
  EXPECT_EQ(requests[0].at("params").at("replace"), Json({1, 3, 4}));
  EXPECT_EQ(requests[1].at("params").at("rules").size(), 2U);
  EXPECT_EQ(requests[1].at("params").at("replace_all"), true);
}

TEST(RuleCommand, ListsAndShows) {
  const Json rule = {{"id", 7},      {"priority", 1000}, {"match", "tcp dport=80"}, {"action", "chain=web"},
                     {"hits", 1234}, {"bytes", 9},       {"age_s", 125.5},          {"idle_s", 60},
                     {"hard_s", 0},  {"shadowed_by", 3}};
  const FakeManager manager([&](const Json& request) {
    const Json all = {{"total", 2}, {"rules", {rule}}, {"unmatched", {{"hits", 5}, {"bytes", 300}}}};
    return json_text(rpc_result(request["id"], request["method"] == "rule_list" ? all : rule)) + "\n";
  });
  const Outcome list = roost_at(manager, {"rule", "list"});
  EXPECT_EQ(list.status, 0);
  EXPECT_THAT(list.out, AllOf(HasSubstr("tcp dport=80"), HasSubstr("1,234"), HasSubstr("2m05s"), HasSubstr("idle=60"),
                              HasSubstr("never reached: 3 comes first"), HasSubstr("1 of 2 rules"),
                              HasSubstr("under no rule: 5 packets, 300 bytes")));
  const Outcome show = roost_at(manager, {"rule", "show", "7"});
  EXPECT_THAT(show.out, AllOf(HasSubstr("tcp dport=80"), HasSubstr("rule 3 comes first")));
  EXPECT_EQ(manager.requests().back().at("params").at("id"), 7);
  const Outcome json = roost_at(manager, {"rule", "list", "--json"});
  EXPECT_EQ(Json::parse(json.out).at("rules").at(0), rule);
}

TEST(RuleCommand, DeletesByNumberAndAll) {
  const FakeManager manager(FakeManager::result({{"removed", 3}, {"total", 0}}));
  EXPECT_EQ(roost_at(manager, {"rule", "del", "1", "4-5"}).out, "3 rules removed, 0 left\n");
  roost_at(manager, {"rule", "del", "--all"});
  const auto requests = manager.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].at("params").at("ids"), Json({1, 4, 5}));
  EXPECT_EQ(requests[1].at("params").at("all"), true);
}

}  // namespace
}  // namespace roost
