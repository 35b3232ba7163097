// SPDX-License-Identifier: BSD-3-Clause
// A manager that cannot start says why and leaves nothing; one that has nothing to do rests; one that ends, ends
// cleanly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <filesystem>

#include "tests/integration/frames.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Start : public testing::Test {
 protected:
  // What roostd says of this configuration; it must refuse it.
  std::string refusal(const std::string& config) {
    const std::string socket = folder_.path("s.sock");
    const Exit exit =
        run_to_end({ROOST_BIN_DIR "/roostd", "--config", folder_.file("c.toml", config), "--socket", socket});
    EXPECT_EQ(exit.status, 1) << exit.said;
    EXPECT_FALSE(std::filesystem::exists(socket));
    EXPECT_FALSE(std::filesystem::exists(socket + ".hosts"));
    EXPECT_THAT(exit.said, HasSubstr("roostd: "));
    return exit.said;
  }
  std::string with_pcap(const std::string& content) {
    return fmt::format("[[ports]]\nname = \"p\"\nkind = \"pcap\"\nread = \"{}\"\n", folder_.file("c.pcap", content));
  }

  TempDir folder_;
};

TEST_F(Start, ConfigurationErrorsNameTheLineAndTheRemedy) {
  EXPECT_THAT(refusal("[[ports]\n"), AllOf(HasSubstr("c.toml:1:"), HasSubstr("not TOML")));
  EXPECT_THAT(refusal("x = 1\n" + port_null("p")), HasSubstr("c.toml:1:"));
  EXPECT_THAT(refusal(port_null("p") + "chain = \"c\"\n"), HasSubstr("there is no chain 'c'"));
  EXPECT_THAT(refusal(port_null("p") + services({"bridge"}) + chain_of("c", {"brigde"}, "p")),
              HasSubstr("did you mean 'bridge'"));
  EXPECT_THAT(refusal(port_null("p") + "[settings]\nwake_packets = 0\n"), HasSubstr("out of range"));
  EXPECT_THAT(refusal(""), HasSubstr("there are no ports"));
  const std::string two = refusal("[memory]\npackets = 1\n[cores]\nio = 4000\n" + port_null("p"));
  EXPECT_THAT(two, AllOf(HasSubstr("c.toml:2:"), HasSubstr("c.toml:4:"), HasSubstr("cores here:")));
  const Exit missing = run_to_end({ROOST_BIN_DIR "/roostd", "--config", "/no/such.toml"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.said, HasSubstr("/no/such.toml"));
}

TEST_F(Start, CapturesAreCheckedAtOnce) {
  CaptureFile whole;
  whole.add(udp_frame(0, 0, 60), 0);
  EXPECT_THAT(refusal(with_pcap("")), HasSubstr("c.pcap"));
  EXPECT_THAT(refusal(with_pcap(whole.bytes().substr(0, 60))), HasSubstr("c.pcap"));
  EXPECT_THAT(refusal(with_pcap("this is no capture, but long enough to be taken for one")), HasSubstr("c.pcap"));
  std::string wifi = whole.bytes();
  wifi[20] = 105;
  EXPECT_THAT(refusal(with_pcap(wifi)), HasSubstr("c.pcap"));
  EXPECT_THAT(refusal("[[ports]]\nname = \"p\"\nkind = \"pcap\"\nread = \"/no/such.pcap\"\n"),
              HasSubstr("/no/such.pcap"));
  EXPECT_THAT(refusal("[[ports]]\nname = \"p\"\nkind = \"pcap\"\nwrite = \"/no/such/folder/x.pcap\"\n"),
              HasSubstr("/no/such/folder/x.pcap"));
}

TEST_F(Start, MemoryThatDoesNotSufficeIsSaid) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's shadow memory needs more address space than the limit leaves";
  // Limits of this process hold for the manager as well: packets need 9 GiB, and files may have 1 GiB.
  const std::string config =
      folder_.file("big.toml", "[memory]\npackets = 4194303\nhugepages = \"never\"\n" + port_null("p"));
  const Exit exit = run_to_end(
      {"prlimit", "--as=6442450944", ROOST_BIN_DIR "/roostd", "--config", config, "--socket", folder_.path("s.sock")});
  EXPECT_EQ(exit.status, 1) << exit.said;
  EXPECT_THAT(exit.said, HasSubstr("roostd: "));
  EXPECT_FALSE(std::filesystem::exists(folder_.path("s.sock")));
  EXPECT_FALSE(std::filesystem::exists(folder_.path("s.sock.hosts")));
}

TEST_F(Start, HugepagesThatAreNotThereAreMissed) {
  const std::string said = refusal("[memory]\npackets = 4194303\nhugepages = \"require\"\n" + port_null("p"));
  EXPECT_THAT(said, HasSubstr("roostd: "));
}

TEST_F(Start, OnAnyCore) {
  cpu_set_t cores;
  ASSERT_EQ(sched_getaffinity(0, sizeof cores, &cores), 0);
  size_t last = 0;
  for (size_t core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &cores)) last = core;
  ManagerProcess manager(simple_config({"a"}, "rate_pps = 2000\nbacklog_packets = 100"),
                         {"taskset", "-c", std::to_string(last)});
  manager.spawn(nf("forward"), "a", 3);
  EXPECT_TRUE(eventually([&] { return manager.figure("transmitted") > 50; }));
  manager.end();
}

TEST_F(Start, AndEndBeforeAnythingHappens) {
  for (const int signal : {SIGTERM, SIGINT}) {
    ManagerProcess manager(simple_config({"a"}, "rate_pps = 1000"));
    manager.kill_now(signal);
    EXPECT_EQ(manager.wait_for_end().status, 0);
    manager.expect_nothing_left();
  }
}

class Idle : public testing::TestWithParam<const char*> {};

TEST_P(Idle, CostsLittle) {
  ManagerProcess manager("[memory]\npackets = 4096\n" + port_null("in") + "chain = \"c\"\n" + services({"a"}) +
                         chain_of("c", {"a"}, "in"));
  manager.spawn(nf("forward"), "a", static_cast<uint32_t>(scaled(40)), GetParam());
  pause_ms(300);
  std::vector<pid_t> pids = descendants_of(manager.pid());
  pids.push_back(manager.pid());
  const auto used = [&] {
    uint64_t sum = 0;
    for (const pid_t pid : pids) sum += cpu_ms(pid);
    return sum;
  };
  const uint64_t sleeps = manager.figure("loop_sleeps"), before = used();
  const auto began = std::chrono::steady_clock::now();
  pause_ms(2'000);
  const double percent = 100.0 * static_cast<double>(used() - before) /
                         std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  EXPECT_GT(manager.figure("loop_sleeps"), sleeps);
  EXPECT_LT(percent, 50.0);
  RecordProperty("percent_of_a_core", std::to_string(percent));
  fmt::print("idle, {} NFs in tier {}: {:.1f} % of a core\n", scaled(40), GetParam(), percent);
  manager.end();
}

INSTANTIATE_TEST_SUITE_P(Tiers, Idle, testing::Values("fiber", "process"),
                         [](const auto& tier) { return std::string(tier.param); });

}  // namespace
}  // namespace roost::test
