// SPDX-License-Identifier: BSD-3-Clause
// The commands that change a running manager, as far as its socket: what they ask, and what they print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/fake_manager.h"

namespace roost {
namespace {

using test::FakeManager;
using test::Outcome;
using test::roost_at;
using test::roost_run;
using testing::AllOf;
using testing::HasSubstr;
using Strings = std::vector<std::string>;

TEST(LiveCommands, WrongUsageEndsWithTwo) {
  const std::pair<Strings, const char*> cases[] = {
      {{"scale", "a"}, "nfs is required"},
      {{"scale", "a", "-1"}, "-1"},
      {{"scale", "a", "many"}, "see 'roost scale --help'"},
      {{"upgrade", "a"}, "module is required"},
      {{"upgrade", "a", "/none.so"}, ""},
      {{"chain"}, "chain"},
      {{"chain", "ad"}, "did you mean 'add'?"},
      {{"chain", "add", "c"}, "required"},
      {{"chain", "add", "c", "a"}, "--out is required"},
      {{"chain", "set", "c"}, "say what is to change"},
      {{"chain", "del"}, "name is required"},
      {{"port", "set", "p"}, "say --chain CHAIN, or --no-chain"},
      {{"port", "set", "p", "--chain", "c", "--no-chain"}, "say --chain CHAIN, or --no-chain"},
      {{"ps", "--by", "color"}, "color not in"},
      {{"ps", "--by", "service", "--hosts"}, "--by sums all NFs up"},
      {{"events", "--kind", "weather"}, "weather not in"},
      {{"completion", "fish"}, "fish not in"},
  };
  for (const auto& [arguments, remedy] : cases) {
    const Outcome outcome = roost_run(arguments);
    EXPECT_EQ(outcome.status, arguments.back() == "/none.so" ? 1 : 2) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr(remedy));
  }
}

TEST(LiveCommands, HelpHasExamples) {
  for (const Strings& command : {Strings{"scale"},
                                 {"upgrade"},
                                 {"chain"},
                                 {"chain", "list"},
                                 {"chain", "add"},
                                 {"chain", "set"},
                                 {"chain", "del"},
                                 {"port"},
                                 {"port", "list"},
                                 {"port", "set"},
                                 {"events"},
                                 {"check"},
                                 {"describe"},
                                 {"try"},
                                 {"completion"}}) {
    Strings words = command;
    words.emplace_back("--help");
    const Outcome outcome = roost_run(words);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("Examples:"), HasSubstr("  roost " + command.front()))) << words.back();
  }
}

TEST(LiveCommands, WithoutAManagerEndWithThree) {
  const test::TempDir folder;
  for (Strings command : {Strings{"scale", "a", "1"}, {"chain", "list"}, {"port", "list"}, {"events"}}) {
    command.insert(command.end(), {"--socket", folder.path("none.sock")});
    EXPECT_EQ(roost_run(command).status, 3);
  }
}

TEST(LiveCommands, ScaleAndUpgradeAskAndTell) {
  const FakeManager manager(
      FakeManager::result({{"service", "a"}, {"was", 2}, {"nfs", 5}, {"started", 3}, {"stopped", 0}}));
  EXPECT_EQ(roost_at(manager, {"scale", "a", "5"}).out, "service 'a' has 5 NFs: 3 started\n");
  EXPECT_EQ(manager.requests().at(0)["params"], Json({{"service", "a"}, {"nfs", 5}}));
  const test::TempDir folder;
  const std::string module = folder.file("new.so", "");
  const FakeManager other(FakeManager::result({{"service", "a"}, {"module", module}, {"started", 2}, {"stopped", 2}}));
  EXPECT_EQ(roost_at(other, {"upgrade", "a", folder.path("new"), "--config", R"({"x": 1})"}).out,
            "service 'a' has module " + module + ": 2 NFs started, 2 stopped\n");
  EXPECT_EQ(other.requests().at(0)["params"], Json({{"service", "a"}, {"module", module}, {"config", {{"x", 1}}}}));
  EXPECT_EQ(roost_at(other, {"upgrade", "a", module, "--json"}).status, 0);
  EXPECT_FALSE(other.requests().at(1)["params"].contains("config"));  // as before
}

TEST(LiveCommands, ChainsAndPorts) {
  const FakeManager chains(FakeManager::result({{"chains",
                                                 {{{"name", "web"},
                                                   {"services", {"a", "b"}},
                                                   {"out", "up"},
                                                   {"ports", {"lan"}},
                                                   {"paths", 1'234},
                                                   {"services_without_nfs", {"b"}}}}}}));
  EXPECT_THAT(roost_at(chains, {"chain", "list"}).out,
              AllOf(HasSubstr("web    lan   up   1,234  a > b"), HasSubstr("no NFs in b; 'roost spawn' starts some")));
  const FakeManager one(FakeManager::result({{"name", "web"}, {"services", {"a", "b"}}, {"out", "up"}}));
  EXPECT_EQ(roost_at(one, {"chain", "add", "web", "a", "b", "--out", "up"}).out,
            "chain 'web' is there: a > b, out of up\n");
  EXPECT_EQ(roost_at(one, {"chain", "set", "web", "--out", "up"}).out, "chain 'web' is now a > b, out of up\n");
  EXPECT_EQ(roost_at(one, {"chain", "del", "web"}).out, "chain 'web' is gone\n");
  EXPECT_EQ(roost_at(one, {"port", "set", "lan", "--chain", "web"}).status, 0);
  EXPECT_EQ(roost_at(one, {"port", "set", "lan", "--no-chain"}).status, 0);
  const Json add{{"name", "web"}, {"services", {"a", "b"}}, {"out", "up"}};
  EXPECT_EQ(one.requests().at(0)["params"], add);
  EXPECT_EQ(one.requests().at(1)["params"], Json({{"name", "web"}, {"out", "up"}}));
  EXPECT_EQ(one.requests().at(3)["params"], Json({{"name", "lan"}, {"chain", "web"}}));
  EXPECT_EQ(one.requests().at(4)["params"], Json({{"name", "lan"}}));
  const FakeManager ports(FakeManager::result({{"ports",
                                                {{{"name", "lan"},
                                                  {"kind", "af_packet"},
                                                  {"link", "down"},
                                                  {"chain", "web"},
                                                  {"received", 12'345},
                                                  {"receive_dropped", {{"missed", 7}, {"runt", 1}}}}}}}));
  EXPECT_THAT(roost_at(ports, {"port", "list"}).out,
              AllOf(HasSubstr("lan   af_packet  down  web"), HasSubstr("12,345"), HasSubstr("8")));
}

TEST(LiveCommands, PsSumsUp) {
  const FakeManager manager(FakeManager::result(
      {{"by", "tenant"},
       {"groups", {{{"name", "t"}, {"nfs", 3}, {"hosts", 1}, {"packets", 4'000}, {"cycles_per_packet", 12.34}}}}}));
  EXPECT_THAT(roost_at(manager, {"ps", "--by", "tenant"}).out,
              AllOf(HasSubstr("TENANT"), HasSubstr("4,000"), HasSubstr("12.3")));
  EXPECT_EQ(manager.requests().at(0)["params"], Json({{"by", "tenant"}}));
}

TEST(LiveCommands, PsShowsWhatWorkersWithATargetHaveChosen) {
  const Json plain{{"id", 0},         {"pid", 11},           {"core", 1}, {"core_name", "1"}, {"moves", 0},
                   {"tier", "fiber"}, {"tenant", "default"}, {"nfs", 3},  {"state", "live"}};
  Json follows = plain;
  follows.update({{"id", 1}, {"sojourn_target_us", 400.0}, {"sojourn_p99_us", 388.5}, {"wake_deadline_us", 312.4}});
  const auto shown = [](const Json& hosts) {
    const FakeManager manager(
        FakeManager::result({{"total", 0}, {"nfs", Json::array()}, {"hosts", hosts}, {"events", Json::array()}}));
    return roost_at(manager, {"ps", "--hosts"}).out;
  };
  EXPECT_THAT(shown({plain}), Not(HasSubstr("TARGET")));
  EXPECT_THAT(shown({plain, follows}), AllOf(HasSubstr("TARGET US"), HasSubstr("P99 US"), HasSubstr("400"),
                                             HasSubstr("312"), HasSubstr("  -  ")));
}

Json event(uint64_t number, const char* kind, bool trouble) {
  return {{"number", number}, {"time_ms", 1'700'000'000'123}, {"kind", kind}, {"trouble", trouble}, {"text", "so"}};
}

TEST(LiveCommands, EventsAreChosen) {
  const FakeManager manager(FakeManager::result(
      {{"events", {event(1, "nf", false), event(2, "host", true), event(3, "nf", false)}}, {"last", 3}}));
  const auto lines = [&](const Strings& more) {
    Strings words{"events"};
    words.insert(words.end(), more.begin(), more.end());
    const std::string out = roost_at(manager, words).out;
    return std::count(out.begin(), out.end(), '\n');
  };
  EXPECT_EQ(lines({}), 3);
  EXPECT_EQ(lines({"--last", "2"}), 2);
  EXPECT_EQ(lines({"--kind", "nf"}), 2);
  EXPECT_EQ(lines({"--troubles"}), 1);
  EXPECT_THAT(roost_at(manager, {"events", "--troubles"}).out, HasSubstr(".123 host       ! so"));
  EXPECT_EQ(rpc_parse(roost_at(manager, {"events", "--json", "--last", "1"}).out)["events"][0]["number"], 3);
}

TEST(Completion, OffersWhatTheCommandTreeHas) {
  EXPECT_THAT(roost_run({"__complete", "cha"}).out, HasSubstr("chain\tlist, add, change"));
  EXPECT_EQ(roost_run({"__complete", "chain", "d"}).out, "del\tremove a chain that no port's packets go by\n");
  EXPECT_EQ(roost_run({"__complete", "ps", "--by", "t"}).out, "tenant\t\ntier\t\n");
  EXPECT_EQ(roost_run({"__complete", "completion", "z"}).out, "zsh\t\n");
  EXPECT_THAT(roost_run({"__complete", ""}).out, AllOf(HasSubstr("upgrade\t"), HasSubstr("--socket\t")));
}

// The scripts themselves, in the shells that they are for.
TEST(Completion, WorksInTheShells) {
  if (access("/bin/bash", X_OK) != 0) GTEST_SKIP() << "there is no bash";
  const Outcome bash = test::run_program(
      "/bin/bash",
      {"-c", "source <(" ROOST_BIN_DIR "/roost completion bash); complete -p roost; "
             "COMP_WORDS=(" ROOST_BIN_DIR "/roost chain s); COMP_CWORD=2; _roost; echo \"${COMPREPLY[@]}\"; "
             "COMP_WORDS=(" ROOST_BIN_DIR "/roost sp); COMP_CWORD=1; _roost; echo \"${COMPREPLY[@]}\""});
  EXPECT_EQ(bash.status, 0) << bash.error;
  EXPECT_EQ(bash.out, "complete -F _roost roost\nset\nspawn\n");
  if (access("/bin/zsh", X_OK) != 0) GTEST_SKIP() << "there is no zsh";
  const Outcome zsh =
      test::run_program("/bin/zsh", {"-c",
                                     "_describe() { eval 'print -l ${'$2'}' }; compdef() { print compdef $* }; "
                                     "source <(" ROOST_BIN_DIR "/roost completion zsh); "
                                     "words=(" ROOST_BIN_DIR "/roost chain s); CURRENT=3; _roost"});
  EXPECT_EQ(zsh.status, 0) << zsh.error;
  EXPECT_THAT(zsh.out, AllOf(HasSubstr("compdef _roost roost"), HasSubstr("set:change a chain")));
}

}  // namespace
}  // namespace roost
