// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "scheduler/config.h"
#include "scheduler/config_summary.h"
#include "scheduler/domains.h"

namespace roost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kPort[] = "[[ports]]\nname = \"p\"\nkind = \"null\"\n";

std::string domain(const std::string& name, const std::string& more = "") {
  return "[[domains]]\nname = \"" + name + "\"\n" + more;
}
std::string service(const std::string& name, const std::string& more = "") {
  return "[[services]]\nname = \"" + name + "\"\n" + more;
}

std::string problems_of(const std::string& text) {
  try {
    parse_config(text, "test");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ConfigDomains, ThereIsOneUnlessItSaysOtherwise) {
  const auto config = parse_config(kPort + service("a") + service("b", "domain = \"default\"\n"), "test");
  EXPECT_THAT(config.domains, IsEmpty());
  EXPECT_EQ(config.services[0].domain, 0);
  EXPECT_EQ(config.services[1].domain, 0);
  EXPECT_EQ(config.ports[0].domain, 0);
  EXPECT_EQ(summary_of(config)["domains"].size(), 1U);
}

TEST(ConfigDomains, AreRead) {
  const auto config =
      parse_config(domain("red", "packets = 1024\ntenants = [\"acme\", \"zeta\"]\n") + domain("blue") + kPort +
                       "domain = \"blue\"\n" + service("a", "domain = \"red\"\n") + service("b", "domain = \"blue\"\n"),
                   "test");
  ASSERT_EQ(config.domains.size(), 2U);
  EXPECT_EQ(config.domains[0].name, "red");
  EXPECT_EQ(config.domains[0].packets, 1024U);
  EXPECT_THAT(config.domains[0].tenants, ElementsAre("acme", "zeta"));
  EXPECT_EQ(config.domains[1].packets, 32768U);
  EXPECT_THAT(config.domains[1].tenants, IsEmpty());
  EXPECT_EQ(config.ports[0].domain, 2);
  EXPECT_EQ(config.services[0].domain, 1);
  EXPECT_EQ(config.services[1].domain, 2);
  const Json summary = summary_of(config);
  EXPECT_EQ(summary["packets"], 32768 + 1024 + 32768);
  EXPECT_EQ(summary["domains"][1]["services"], Json::array({"a"}));
  EXPECT_EQ(summary["domains"][2]["ports"], Json::array({"p"}));
}

TEST(ConfigDomains, WhatIsWrongIsNamed) {
  EXPECT_THAT(problems_of(kPort + service("a", "domain = \"rad\"\n") + domain("red")),
              HasSubstr("service 'a': there is no domain 'rad'; did you mean 'red'?"));
  EXPECT_THAT(problems_of(std::string(kPort) + "domain = \"red\"\n"), HasSubstr("port 'p': there is no domain 'red'"));
  EXPECT_THAT(problems_of(kPort + domain("default")), HasSubstr("domain 'default': is the one that is always there"));
  EXPECT_THAT(problems_of(kPort + domain("red") + domain("red")), HasSubstr("there is one of that name already"));
  EXPECT_THAT(problems_of(kPort + domain("red", "packets = 10\n")), HasSubstr("packets"));
  EXPECT_THAT(problems_of(kPort + domain("red", "packet = 2048\n")), HasSubstr("packet"));
  EXPECT_THAT(problems_of(kPort + domain("red", "tenants = []\n")), HasSubstr("domain 'red': tenants lists nobody"));
  EXPECT_THAT(problems_of(kPort + domain("red", "tenants = [7]\n")), HasSubstr("lists what is no name"));
  EXPECT_THAT(problems_of(kPort + domain("red", "packets = 4194303\n")), HasSubstr("4194304 is the most"));
  EXPECT_THAT(problems_of(domain("red") + "[[ports]]\nname = \"p\"\nkind = \"dpdk\"\ndevice = \"0000:3b:00.0\"\n"),
              HasSubstr("port 'p': a card reaches the packets of one domain only"));
}

TEST(ConfigDomains, OneThatIsNobodysIsAWarning) {
  EXPECT_THAT(json_text(summary_of(parse_config(kPort + domain("red"), "test"))["warnings"]),
              HasSubstr("domain 'red' is no service's"));
}

TEST(Domains, AreForTheirTenants) {
  const Domains domains(parse_config(
      domain("red", "tenants = [\"acme\"]\n") + kPort + service("a", "domain = \"red\"\n") + service("b"), "test"));
  EXPECT_EQ(domains.count(), 2U);
  EXPECT_EQ(domains.name(domains.of_service(0)), "red");
  EXPECT_EQ(domains.name(domains.of_service(1)), "default");
  domains.check_tenant(0, "acme");
  domains.check_tenant(1, "zeta");
  try {
    domains.check_tenant(0, "zeta");
    ADD_FAILURE() << "a stranger is let in";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("tenant 'zeta' has no place in domain 'red', which is for acme"));
  }
}

}  // namespace
}  // namespace roost
