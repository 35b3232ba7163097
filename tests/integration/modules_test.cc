// SPDX-License-Identifier: BSD-3-Clause
// Modules that aren't any, and NFs that don't start: a clear error, nothing left behind, the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Modules : public testing::TestWithParam<const char*> {
 protected:
  Modules() : manager_(simple_config({"a", "b"}, "flows = 20\nrate_pps = 5000\nbacklog_packets = 500")) {
    manager_.spawn(nf("forward"), "a", 2, GetParam());
  }
  ~Modules() override {
    // What was there before is there still, and takes a second service on.
    EXPECT_TRUE(eventually([&] { return manager_.hosts().size() == hosts_before(); })) << manager_.hosts();
    EXPECT_EQ(manager_.figure("nfs_live"), 2U);
    manager_.spawn(nf("forward"), "b", 2, GetParam());
    EXPECT_TRUE(eventually([&] { return manager_.figure("transmitted") > 100; }));
    EXPECT_TRUE(eventually([&] { return descendants_of(manager_.pid()).size() == 1 + manager_.hosts().size(); }));
    expect_balanced(manager_.stats());
    EXPECT_EQ(manager_.dropped("host_died"), 0U);
    manager_.end();
  }

  static size_t hosts_before() { return std::string(GetParam()) == "fiber" ? 1 : 2; }
  // In the tenant's host that there is, and in one that would have to be made.
  std::string refusal(const std::string& path, Json config = Json::object(), uint32_t count = 3) {
    const Json parameters{
        {"module", path}, {"service", "b"}, {"count", count}, {"tier", GetParam()}, {"config", config}};
    Json other = parameters;
    other["tenant"] = "other";
    const std::string first = manager_.refusal("spawn", parameters), second = manager_.refusal("spawn", other);
    EXPECT_FALSE(second.empty());
    return first;
  }

  ManagerProcess manager_;
};

TEST_P(Modules, ThatAreNoFiles) {
  EXPECT_THAT(refusal("/no/such/module.so"), AllOf(HasSubstr("/no/such/module.so"), HasSubstr("No such file")));
  EXPECT_THAT(refusal(manager_.folder().path("")), HasSubstr("not a file"));
  const std::string fifo = manager_.folder().path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(refusal(fifo), HasSubstr("not a file"));
  EXPECT_THAT(refusal("/dev/zero"), HasSubstr("not a file"));
}

TEST_P(Modules, ThatAreOtherFiles) {
  EXPECT_THAT(refusal(manager_.folder().file("text.so", "hello, this is text\n")),
              AllOf(HasSubstr("text.so"), HasSubstr("roost_add_nf")));
  EXPECT_THAT(refusal(manager_.folder().file("empty.so", "")), HasSubstr("not a shared object"));
  EXPECT_THAT(refusal(manager_.folder().file("stub.so", std::string("\x7f"
                                                                    "ELF") +
                                                            std::string(60, '\0'))),
              HasSubstr("not a shared object"));
  EXPECT_THAT(refusal(ROOST_BIN_DIR "/roost-host"), HasSubstr("roost-host"));
}

TEST_P(Modules, BuiltAgainstSomethingElse) {
  EXPECT_THAT(refusal(module("test_plain")), HasSubstr("not a Roost NF module"));
  EXPECT_THAT(refusal(module("test_other_abi")),
              AllOf(HasSubstr("built against version"), HasSubstr("build it again")));
  EXPECT_THAT(refusal(module("test_undefined")), HasSubstr("roost_test_symbol_that_nobody_has"));
}

TEST_P(Modules, WhoseNfsDoNotStart) {
  EXPECT_THAT(refusal(nf("firewall"), {{"rules", "/no/such/rules"}}), HasSubstr("/no/such/rules"));
  EXPECT_THAT(refusal(nf("busy"), {{"cycles", "many"}}), HasSubstr("cycles"));
  // The third of five throws: the two before it are gone again.
  const std::string marks = manager_.folder().file("marks", "");
  const Json config{{"log", marks}, {"throws", 4}};
  EXPECT_THAT(refusal(module("test_fussy"), config, 5), HasSubstr("not in the mood"));
}

INSTANTIATE_TEST_SUITE_P(Tiers, Modules, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

}  // namespace
}  // namespace roost::test
