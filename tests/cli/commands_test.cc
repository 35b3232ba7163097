// SPDX-License-Identifier: BSD-3-Clause
// The built program: usage, exit codes, and what its commands ask a manager and print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/fake_manager.h"

namespace roost {
namespace {

using test::FakeManager;
using test::Outcome;
using test::roost_at;
using test::roost_run;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Commands, WrongUsageEndsWithTwoAndNamesTheRemedy) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "--help"},
      {{"spwan", "x"}, "did you mean 'spawn'?"},
      {{"frobnicate"}, "'roost --help' lists them"},
      {{"spawn", "counter"}, "--service is required; see 'roost spawn --help'"},
      {{"spawn", "counter", "--service", "c", "--tier", "vm"}, "vm not in"},
      {{"spawn", "counter", "--service", "c", "--count", "0"}, "--count"},
      {{"spawn", "counter", "--service", "c", "--config", "{"}, "not JSON at byte 2"},
      {{"spawn", "counter", "--service", "c", "--config", "[1]"}, "no object"},
      {{"spawn", "counter", "--service", "c", "--config", "@/none"}, "cannot read '/none'"},
      {{"stop"}, "say which"},
      {{"stop", "3", "--all"}, "say which"},
      {{"stop", "7-x"}, "'7-x' is no NF"},
      {{"stop", "9-7"}, "'9-7' is no NF"},
      {{"stop", "0-4000000000"}, "use --service or --all"},
      {{"tell", "7"}, "say whom and what"},
      {{"tell", "7", "two", "words"}, "quote a text of several words"},
      {{"tell", "--service", "s", "7", "x"}, "say whom and what"},
      {{"tell", "7-9", "x"}, "'7-9' is no NF"},
      {{"resume"}, "say which"},
      {{"resume", "x"}, "resume: 'x' is no NF"},
      {{"set", "wake_packets", "many"}, "see 'roost set --help'"},
      {{"set", "wake_packets", "-1"}, "roost set --help"},
      {{"set", "wake_packets"}, "a value is missing"},
      {{"set", "wake_packets", "7", "--unset"}, "--unset takes no value"},
      {{"set", "weight", "7", "--nf", "x"}, "set: 'x' is no NF"},
      {{"set", "weight", "7", "--nf", "1", "--service", "s"}, "--service"},
      {{"get", "weight", "--nf", "1", "--service", "s"}, "--service"},
      {{"spawn", "counter", "--service", "c", "--weight", "0"}, "--weight"},
      {{"stats", "--watch", "-3"}, "--watch"},
      {{"demo", "--pcap", "x", "--rate", "5"}, "--pace"},
  };
  for (const auto& [arguments, remedy] : cases) {
    const Outcome outcome = roost_run(arguments);
    EXPECT_EQ(outcome.status, 2) << remedy;
    EXPECT_THAT(outcome.error, AllOf(StartsWith("roost: "), HasSubstr(remedy)));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(Commands, HelpHasExamples) {
  EXPECT_THAT(roost_run({"--help"}).out, AllOf(HasSubstr("Examples:"), HasSubstr("Exit status")));
  for (const char* command :
       {"up", "down", "spawn", "ps", "stop", "resume", "tell", "get", "set", "stats", "version", "demo"}) {
    const Outcome outcome = roost_run({command, "--help"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, HasSubstr(std::string("  roost ") + command));
  }
}

TEST(Commands, WithoutAManagerEndWithThree) {
  const test::TempDir folder;
  for (const char* command : {"down", "ps", "get", "stats"}) {
    const Outcome outcome = roost_run({command, "--socket", folder.path("none.sock")});
    EXPECT_EQ(outcome.status, 3);
    EXPECT_THAT(outcome.error, AllOf(StartsWith("roost: "), HasSubstr("'roost up'")));
  }
  EXPECT_EQ(roost_run({"version", "--socket", folder.path("none.sock")}).status, 0);
}

TEST(Commands, RefusalsEndWithOneAndTheManagersWords) {
  const FakeManager manager([](const Json& request) {
    return json_text(rpc_error(request["id"], RpcError::failed, "no setting is called 'x'")) + "\n";
  });
  const Outcome outcome = roost_at(manager, {"set", "x", "1"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.error, "roost: no setting is called 'x'\n");
}

TEST(Commands, SpawnSendsTheModulesAbsolutePathAndTheConfiguration) {
  const test::TempDir folder;
  const std::string module = folder.file("mine.so", "");
  const FakeManager manager(
      FakeManager::result({{"first", 4}, {"count", 3}, {"service", "s"}, {"tier", "process"}, {"spawn_ms", 12.5}}));
  const std::string config = folder.file("nf.json", R"({"cycles": 5})");
  const Outcome outcome = roost_at(manager, {"spawn", folder.path("mine"), "--service", "s", "--count", "3", "--tier",
                                             "process", "--config", "@" + config, "--tenant", "t"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_EQ(outcome.out, "3 NFs of service 's' in tier process, from number 4, in 12.5 ms\n");
  EXPECT_EQ(manager.requests().at(0)["params"], Json({{"module", module},
                                                      {"service", "s"},
                                                      {"count", 3},
                                                      {"tier", "process"},
                                                      {"config", {{"cycles", 5}}},
                                                      {"tenant", "t"}}));
}

// `count` NFs, in pages as a manager gives them, every third of service "b".
FakeManager::Answer nfs(uint32_t count) {
  return [count](const Json& request) {
    const auto after = request["params"]["after"].get<int64_t>();
    Json list = Json::array();
    for (int64_t id = after + 1; id < count && list.size() < request["params"]["limit"].get<size_t>(); ++id)
      list.push_back({{"id", id},
                      {"service", id % 3 == 0 ? "b" : "a"},
                      {"tier", "fiber"},
                      {"state", "live"},
                      {"packets", 10 * id}});
    return json_text(
               rpc_result(request["id"],
                          {{"total", count}, {"nfs", list}, {"hosts", Json::array()}, {"events", {"host 3 died"}}})) +
           "\n";
  };
}

TEST(Commands, PsFetchesPageByPage) {
  const FakeManager manager(nfs(5'000));
  const Outcome all = roost_at(manager, {"ps", "--limit", "100000", "--json"});
  ASSERT_EQ(all.status, 0) << all.error;
  EXPECT_EQ(rpc_parse(all.out)["nfs"].size(), 5'000U);
  const Outcome some = roost_at(manager, {"ps", "--service", "b", "--limit", "1500"});
  EXPECT_EQ(some.status, 0);
  EXPECT_THAT(some.out, AllOf(HasSubstr("\n4497  b"), HasSubstr("1,500 of 5,000 NFs"), HasSubstr("host 3 died")));
}

TEST(Commands, PsSaysWhenQuarantinedNfsAreResumed) {
  const auto quarantined = [](uint64_t id, Json more) {
    Json nf{{"id", id}, {"service", "a"}, {"tier", "fiber"}, {"state", "quarantined"}, {"quarantines", id + 1}};
    nf.update(more);
    return nf;
  };
  const Json nfs{{{"id", 0}, {"state", "live"}},
                 quarantined(1, {{"returned", false}}),
                 quarantined(2, {{"returned", true}, {"resumes_in_ms", 12'500}}),
                 quarantined(3, {{"returned", false}, {"resumes_in_ms", 0}}),
                 quarantined(4, {{"returned", true}, {"resumes_in_ms", 0}})};
  const FakeManager manager(FakeManager::result({{"total", 5}, {"nfs", nfs}}));
  const Outcome outcome = roost_at(manager, {"ps", "--limit", "5"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("QUARANTINES  RESUMES"), HasSubstr("0  -  "), HasSubstr("2  by hand"),
                                 HasSubstr("3  in 12.5 s"), HasSubstr("4  once it returns"), HasSubstr("5  now")));
  const FakeManager healthy(FakeManager::result({{"total", 1}, {"nfs", {{{"id", 0}, {"state", "live"}}}}}));
  EXPECT_THAT(roost_at(healthy, {"ps", "--limit", "1"}).out, testing::Not(HasSubstr("QUARANTINES")));
}

TEST(Commands, PsShowsDomainsWhereThereAreSeveral) {
  const auto answer = [](const char* domain) {
    return FakeManager::result({{"total", 1},
                                {"nfs", {{{"id", 0}, {"state", "live"}, {"domain", domain}}}},
                                {"hosts", {{{"id", 0}, {"state", "live"}, {"domain", domain}}}}});
  };
  const FakeManager one(answer("default")), several(answer("red"));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"ps", "--limit", "1"}, {"ps", "--limit", "1", "--hosts"}}) {
    EXPECT_THAT(roost_at(one, words).out, testing::Not(HasSubstr("DOMAIN")));
    EXPECT_THAT(roost_at(several, words).out, AllOf(HasSubstr("DOMAIN"), HasSubstr("red")));
  }
}

TEST(Commands, PsDoesNotFollowAListWithoutEnd) {
  const FakeManager manager(FakeManager::result({{"total", 1}, {"nfs", {{{"id", 3}}}}}));
  const Outcome outcome = roost_at(manager, {"ps"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("backwards"));
}

TEST(Commands, TellSaysWhoTookIt) {
  const FakeManager all(FakeManager::result({{"told", 1}, {"refused", 0}}));
  const Outcome fine = roost_at(all, {"tell", "7", "log on"});
  EXPECT_EQ(fine.status, 0);
  EXPECT_EQ(fine.out, "1 NF told\n");
  const FakeManager some(FakeManager::result({{"told", 3}, {"refused", 2}}));
  const Outcome partly = roost_at(some, {"tell", "--service", "s", "x"});
  EXPECT_EQ(partly.status, 1);
  EXPECT_THAT(partly.out, AllOf(StartsWith("3 NFs told\n2 took no more"), HasSubstr("try again")));
}

TEST(Commands, StopUnderstandsRanges) {
  const FakeManager manager(FakeManager::result({{"stopped", 4}}));
  EXPECT_EQ(roost_at(manager, {"stop", "9", "3-5"}).out, "4 NFs stopped\n");
  EXPECT_EQ(roost_at(manager, {"stop", "--service", "s"}).status, 0);
  EXPECT_EQ(manager.requests().at(0)["params"], Json({{"nfs", {9, 3, 4, 5}}}));
  EXPECT_EQ(manager.requests().at(1)["params"], Json({{"service", "s"}}));
}

TEST(Commands, StopSaysWhatWasKilled) {
  const FakeManager manager(FakeManager::result({{"stopped", 1}, {"killed", {"host 3 (process, pid 9)"}}}));
  EXPECT_EQ(roost_at(manager, {"stop", "--all"}).out,
            "1 NF stopped\nhost 3 (process, pid 9) did not end when asked and was killed\n");
}

TEST(Commands, SpawnNamesDedicatedCoresWhereAsked) {
  const test::TempDir folder;
  const FakeManager manager(FakeManager::result({{"first", 0}, {"count", 1}, {"service", "s"}, {"tier", "fiber"}}));
  const std::string module = folder.file("mine.so", "");
  EXPECT_EQ(roost_at(manager, {"spawn", module, "--service", "s", "--dedicated"}).status, 0);
  EXPECT_EQ(manager.requests().at(0)["params"]["cores"], "dedicated");
}

TEST(Commands, SettingsAreTheManagersAServicesOrOfNfs) {
  const FakeManager manager(FakeManager::result({{"name", "weight"}, {"value", 7}, {"was", 100}}));
  EXPECT_EQ(roost_at(manager, {"set", "weight", "7"}).out, "weight is 7 (was 100)\n");
  EXPECT_EQ(roost_at(manager, {"set", "weight", "7", "--service", "s"}).out, "weight is 7 in service 's' (was 100)\n");
  EXPECT_EQ(roost_at(manager, {"set", "weight", "7", "--nf", "3", "5-6"}).out, "weight is 7 in 3 NFs (was 100)\n");
  EXPECT_EQ(roost_at(manager, {"set", "--unset", "weight", "--nf", "3"}).out, "weight is 7 in NF 3 (was 100)\n");
  const auto requests = manager.requests();
  EXPECT_EQ(requests.at(0)["params"], Json({{"name", "weight"}, {"value", 7}}));
  EXPECT_EQ(requests.at(1)["params"], Json({{"name", "weight"}, {"value", 7}, {"service", "s"}}));
  EXPECT_EQ(requests.at(2)["params"], Json({{"name", "weight"}, {"value", 7}, {"nfs", {3, 5, 6}}}));
  EXPECT_EQ(requests.at(3)["method"], "unset");
  EXPECT_EQ(requests.at(3)["params"], Json({{"name", "weight"}, {"nfs", {3}}}));
}

TEST(Commands, GetShowsWhereAValueComesFrom) {
  const FakeManager manager(FakeManager::result({{"settings",
                                                  {{{"name", "spin_us"},
                                                    {"value", 5},
                                                    {"unit", "us"},
                                                    {"from", "service"},
                                                    {"scope", "manager, service, NF"},
                                                    {"worker_goes_by", 9}}}}}));
  const Outcome outcome = roost_at(manager, {"get", "spin_us", "--nf", "0"});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("service"), HasSubstr("manager, service, NF"),
                                 HasSubstr("spin_us: its worker goes by 9, the strictest of its NFs")));
  const FakeManager follows(FakeManager::result(
      {{"settings",
        {{{"name", "wake_deadline_us"}, {"value", 50}, {"worker_goes_by", 312}, {"chosen_for_us", 400}}}}}));
  EXPECT_THAT(roost_at(follows, {"get", "wake_deadline_us", "--nf", "0"}).out,
              HasSubstr("its worker goes by 312, chosen to hold a sojourn_target_us of 400"));
  EXPECT_EQ(roost_at(manager, {"get", "--service", "s"}).status, 0);
  EXPECT_EQ(manager.requests().at(0)["params"], Json({{"name", "spin_us"}, {"nfs", {0}}}));
  EXPECT_EQ(manager.requests().at(1)["params"], Json({{"service", "s"}}));
}

TEST(Commands, SpawnTellsTheWeightWhereAsked) {
  const test::TempDir folder;
  const FakeManager manager(FakeManager::result({{"first", 0}, {"count", 1}, {"service", "s"}, {"tier", "fiber"}}));
  const std::string module = folder.file("mine.so", "");
  EXPECT_EQ(roost_at(manager, {"spawn", module, "--service", "s", "--weight", "250"}).status, 0);
  EXPECT_EQ(manager.requests().at(0)["params"]["weight"], 250);
}

TEST(Commands, StatsBearAnAnswerThatLacksEverything) {
  const FakeManager manager(FakeManager::result(Json::object()));
  const Outcome outcome = roost_at(manager, {"stats"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("received"));
  EXPECT_EQ(roost_at(manager, {"get"}).status, 0);
}

TEST(Commands, UpSaysWhyItCannot) {
  const FakeManager manager(FakeManager::result(Json::object()));
  const Outcome taken = roost_at(manager, {"up"});
  EXPECT_EQ(taken.status, 1);
  EXPECT_THAT(taken.error, HasSubstr("'roost down' ends it"));
  const test::TempDir folder;
  const Outcome no_file = roost_run({"up", "--config", "/none.toml", "--socket", folder.path("s.sock")});
  EXPECT_EQ(no_file.status, 1);
  EXPECT_THAT(no_file.error, HasSubstr("/none.toml"));
  EXPECT_THAT(roost_run({"up", "--print-config"}).out, HasSubstr("[[chains]]"));
}

}  // namespace
}  // namespace roost
