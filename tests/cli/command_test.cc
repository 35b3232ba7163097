// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    program_.option("--socket", socket_, "where");
    program_.add("down", "end it").runs([this] { return done("down"); });
    Command& chain = program_.add("chain", "chains");
    chain.add("ls", "list them").runs([this] { return done("ls"); });
    Command& add = chain.add("add", "declare one");
    add.positional("name", name_, "of the chain").required();
    add.positional("service", services_, "in order");
    add.option("--tier", tier_, "how").one_of({"fiber", "process"}).shows_default();
    add.option("--weight", weight_, "its share").range(1, 100);
    add.option("--watch", watch_s_, "again").value_optional("SECONDS");
    const Option all = add.flag("--all", all_, "everything");
    add.option("--only", only_, "these").excludes(all);
    add.examples("  prog chain add web");
    add.runs([this] { return done("add"); });
  }
  int done(const char* what) {
    ran_ = what;
    return 7;
  }
  int run(std::vector<const char*> words) {
    words.insert(words.begin(), "/somewhere/prog");
    return program_.run(static_cast<int>(words.size()), words.data());
  }
  std::string error_of(const std::vector<const char*>& words) {
    try {
      run(words);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  }
  std::vector<std::string> completions(const std::vector<std::string>& words) {
    std::vector<std::string> texts;
    for (const auto& word : program_.completions(words)) texts.push_back(word.text);
    return texts;
  }

  Command program_{"prog", "a program"};
  std::string socket_, name_, tier_ = "fiber", ran_;
  std::vector<std::string> services_;
  std::vector<uint32_t> only_;
  uint16_t weight_ = 1;
  double watch_s_ = 0;
  bool all_ = false;
};

TEST_F(CommandLine, RunsTheInnermostCommandWithItsOptions) {
  EXPECT_EQ(run({"--socket", "s", "chain", "add", "web", "a", "b", "--weight", "5", "--tier", "process"}), 7);
  EXPECT_EQ(ran_, "add");
  EXPECT_EQ(socket_, "s");
  EXPECT_EQ(name_, "web");
  EXPECT_THAT(services_, ElementsAre("a", "b"));
  EXPECT_EQ(weight_, 5);
  EXPECT_EQ(tier_, "process");
}

TEST_F(CommandLine, TellsAnOptionWithoutAValueFromNone) {
  Command program("prog", "");
  double every_s = 0;
  const Option watch = program.option("--watch", every_s, "").value_optional("SECONDS");
  program.runs([watch] { return watch.given() ? 1 : 0; });
  const char* const words[] = {"prog", "--watch"};
  EXPECT_EQ(program.run(1, words), 0);
  EXPECT_EQ(program.run(2, words), 1);
}

TEST_F(CommandLine, NamesWhatIsWrongAndTheHelpOfThatCommand) {
  EXPECT_EQ(error_of({"dwon"}), "there is no command 'dwon'; did you mean 'down'?");
  EXPECT_EQ(error_of({"frobnicate"}), "there is no command 'frobnicate'; 'prog --help' lists them");
  EXPECT_EQ(error_of({"chain", "frobnicate"}), "there is no command 'frobnicate'; 'prog chain --help' lists them");
  EXPECT_THAT(error_of({"chain"}), HasSubstr("; see 'prog chain --help'"));
  EXPECT_EQ(error_of({"chain", "add"}), "name is required; see 'prog chain add --help'");
  EXPECT_THAT(error_of({"chain", "add", "web", "--weight", "101"}), HasSubstr("not in range 1 to 100"));
  EXPECT_THAT(error_of({"chain", "add", "web", "--weight", "-1"}), HasSubstr("--weight: -1 is negative"));
  EXPECT_THAT(error_of({"chain", "add", "web", "--tier", "vm"}), HasSubstr("vm not in {fiber,process}"));
  EXPECT_THAT(error_of({"chain", "add", "web", "--only", "3", "--all"}), HasSubstr("excludes"));
  EXPECT_THAT(error_of({"down", "now"}), HasSubstr("now"));
  EXPECT_EQ(ran_, "");
}

TEST_F(CommandLine, CompletesCommandsOptionsAndTheirWords) {
  EXPECT_THAT(completions({""}), ElementsAre("down", "chain", "--help", "--socket"));
  EXPECT_THAT(completions({"ch"}), ElementsAre("chain"));
  EXPECT_THAT(completions({"chain", ""}), ElementsAre("ls", "add", "--help"));
  EXPECT_THAT(completions({"chain", "add", "web", "--w"}), ElementsAre("--weight", "--watch"));
  EXPECT_THAT(completions({"chain", "add", "--tier", ""}), ElementsAre("fiber", "process"));
  EXPECT_THAT(completions({"chain", "add", "--tier", "p"}), ElementsAre("process"));
  EXPECT_THAT(completions({"chain", "add", "--weight", ""}), ElementsAre());
}

}  // namespace
}  // namespace roost::cli
