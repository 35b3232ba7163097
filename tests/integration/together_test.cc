// SPDX-License-Identifier: BSD-3-Clause
// What is tested apart elsewhere, all at once: several io cores, domains, tiers, and hosts that are started again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

std::string everything() {
  const auto service = [](const std::string& name, const std::string& domain) {
    return fmt::format("[[services]]\nname = \"{}\"\nrestart = \"always\"\n{}", name,
                       domain.empty() ? "" : fmt::format("domain = \"{}\"\n", domain));
  };
  return "[memory]\npackets = 16384\nhugepages = \"never\"\n[cores]\nio_per_cpu = 2\nshared_per_cpu = 2\n"
         "[flows]\nmax = 64\n[[domains]]\nname = \"blue\"\npackets = 8192\n" +
         port_generator("in", "c", fmt::format("flows = 300\nrate_pps = {}\nbacklog_packets = 1000", scaled(20'000))) +
         port_null("out") + service("a", "") + service("b", "blue") + service("d", "") +
         chain_of("c", {"a", "b", "d"}, "out");
}

TEST(Together, HostsComeBackAtEachLoopAndInEachDomain) {
  ManagerProcess manager(everything());
  manager.spawn(nf("forward"), "a", 8);
  manager.spawn(nf("forward"), "b", 4, "process");
  manager.spawn(nf("counter"), "d", 4);
  const auto all_are_live = [&] {
    const Json nfs = manager.nfs();
    return nfs.size() == 16 &&
           std::all_of(nfs.begin(), nfs.end(), [](const Json& each) { return each["state"] == "live"; });
  };
  const auto goes_on = [&] {
    const uint64_t before = manager.figure("transmitted");
    return eventually([&] { return manager.figure("transmitted") > before + scaled(5'000); });
  };
  ASSERT_TRUE(goes_on());
  const Json hosts = manager.hosts();
  for (const uint32_t loop : {0U, 1U}) {
    for (const char* domain : {"default", "blue"}) {
      SCOPED_TRACE(fmt::format("loop {}, domain {}", loop, domain));
      const auto victim = std::find_if(hosts.begin(), hosts.end(), [&](const Json& host) {
        return host["loop"] == loop && host["domain"] == domain;
      });
      ASSERT_NE(victim, hosts.end());
      const pid_t pid = victim->at("pid");
      ASSERT_EQ(kill(pid, SIGKILL), 0);
      EXPECT_TRUE(eventually([&] {
        const auto live = manager.live_hosts();
        return std::find(live.begin(), live.end(), pid) == live.end() && all_are_live();
      })) << manager.events();
      EXPECT_TRUE(goes_on());
    }
  }
  manager.call("pause");
  ASSERT_TRUE(manager.settled()) << json_text(manager.stats(), 1);
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_GT(stats["crossed"], 0);
  EXPECT_GT(stats["handed_over"], 0);
  EXPECT_EQ(stats["breaches"], 0);
  for (const Json& domain : stats["domains"]) EXPECT_EQ(domain["in_use"], 0) << domain;
  manager.end();
}

}  // namespace
}  // namespace roost::test
