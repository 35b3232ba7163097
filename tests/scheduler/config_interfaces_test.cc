// SPDX-License-Identifier: BSD-3-Clause
// Ports that are interfaces, as the configuration has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/ports/linux_interface.h"
#include "scheduler/config.h"

namespace roost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ConfigContext one_core() { return {.setting_problem = {}, .cores = {0}}; }

std::string problems(const std::string& options, const std::string& kind) {
  try {
    parse_config("[[ports]]\nname = 'p'\nkind = '" + kind + "'\n" + options, "c.toml", one_core());
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(InterfacePorts, AreRead) {
  const auto config = parse_config(R"(
[[ports]]
name = "a"
kind = "af_packet"
interface = "eth1"
receive_kib = 64
[[ports]]
name = "b"
kind = "af_packet"
interface = "fifteen-letters"
[[ports]]
name = "t"
kind = "tap"
interface = "roost0"
addresses = ["10.0.0.1/24", "fd00::1/64"]
mtu_bytes = 9000
)",
                                   "c.toml", one_core());
  ASSERT_EQ(config.ports.size(), 3U);
  EXPECT_EQ(config.ports[0].kind, PortKind::kAfPacket);
  EXPECT_EQ(config.ports[0].interface.interface, "eth1");
  EXPECT_EQ(config.ports[0].interface.receive_kib, 64U);
  EXPECT_EQ(config.ports[1].interface.receive_kib, 4'096U);
  EXPECT_EQ(config.ports[2].kind, PortKind::kTap);
  EXPECT_EQ(config.ports[2].interface.mtu_bytes, 9'000U);
  EXPECT_THAT(config.ports[2].interface.addresses, ElementsAre("10.0.0.1/24", "fd00::1/64"));
}

TEST(DevicePorts, AreRead) {
  const auto config = parse_config(R"(
[[ports]]
name = "card"
kind = "dpdk"
device = "0000:3b:00.1"
receive_descriptors = 4096
promiscuous = false
[[ports]]
name = "m"
kind = "dpdk"
device = "net_memif0,role=server"
)",
                                   "c.toml", one_core());
  ASSERT_EQ(config.ports.size(), 2U);
  EXPECT_EQ(config.ports[0].kind, PortKind::kDpdk);
  EXPECT_EQ(config.ports[0].device.device, "0000:3b:00.1");
  EXPECT_EQ(config.ports[0].device.receive_descriptors, 4'096U);
  EXPECT_EQ(config.ports[0].device.transmit_descriptors, 1'024U);
  EXPECT_FALSE(config.ports[0].device.promiscuous);
  EXPECT_EQ(config.ports[1].device.device, "net_memif0,role=server");
  EXPECT_TRUE(config.ports[1].device.promiscuous);
}

TEST(DevicePorts, ProblemsAreNamed) {
  EXPECT_THAT(problems("", "dpdk"), HasSubstr("port 'p': device isn't given"));
  for (const char* wrong : {"", "eth0", "3b:00.0", "net_ring", "0000:3b:00.8", "net_ring0\\n"})
    EXPECT_THAT(problems(std::string("device = \"") + wrong + '"', "dpdk"), HasSubstr("is no device")) << wrong;
  EXPECT_THAT(problems("device = 'net_null0'\nreceive_descriptors = 31", "dpdk"), HasSubstr("receive_descriptors"));
  EXPECT_THAT(problems("device = 'net_null0'\ninterface = 'e'", "dpdk"), HasSubstr("interface"));
  EXPECT_THAT(
      problems("device = 'net_null0'\n[[ports]]\nname = 'q'\nkind = 'dpdk'\ndevice = 'net_null0,size=9'", "dpdk"),
      HasSubstr("device 'net_null0,size=9' is that of port 'p' already"));
  EXPECT_EQ(problems("device = 'net_null0'", "dpdk"), "none");
}

TEST(InterfacePorts, ProblemsAreNamed) {
  for (const char* kind : {"af_packet", "af_xdp", "tap"}) {
    EXPECT_THAT(problems("", kind), HasSubstr("port 'p': interface isn't given"));
    EXPECT_THAT(problems("interface = 3", kind), HasSubstr("'interface' is a whole number"));
    EXPECT_THAT(problems("interface = ''", kind), HasSubstr("has 0 characters"));
    EXPECT_THAT(problems("interface = 'sixteen-letters!'", kind), HasSubstr("has 16 characters; 1 to 15 are possible"));
    for (const char* name : {"a/b", "a b", "a:1", "..", "t%d"})
      EXPECT_THAT(problems(std::string("interface = '") + name + "'", kind), HasSubstr("is no name of an interface"));
    const std::string other = std::string("\n[[ports]]\nname = 'q'\nkind = '") + kind + "'\ninterface = 'e'";
    EXPECT_THAT(problems("interface = 'e'" + other, kind), HasSubstr("port 'q': interface 'e' is that of port 'p'"));
  }
  EXPECT_THAT(problems("interface = 'e'\nreceive_kib = 63", "af_packet"), HasSubstr("receive_kib"));
  EXPECT_THAT(problems("interface = 'e'\nmtu_bytes = 1500", "af_packet"), HasSubstr("mtu_bytes"));
  EXPECT_THAT(problems("interface = 'e'\nmtu_bytes = 67", "tap"), HasSubstr("mtu_bytes"));
  EXPECT_THAT(problems("interface = 'e'\nreceive_kib = 64", "tap"), HasSubstr("receive_kib"));
  for (const char* address : {"'10.0.0.1'", "'10.0.0.1/33'", "'fd00::1/129'", "'10.0.0/8'", "'x/8'", "'10.0.0.1/8x'",
                              "'10.0.0.1/'", "'10.0.0.1/-1'", "''", "3"})
    EXPECT_THAT(problems(std::string("interface = 'e'\naddresses = [") + address + "]", "tap"),
                HasSubstr("is no address with its prefix; write it as"));
  EXPECT_EQ(problems("interface = 'e'", "tap"), "none");
  EXPECT_THAT(problems("interface = 'e'\nreceive_kib = 64", "af_xdp"), HasSubstr("receive_kib"));
  EXPECT_EQ(problems("interface = 'e'", "af_xdp"), "none");
}

TEST(InterfaceAddresses, AreParsed) {
  const auto four = parse_interface_address("10.1.2.3/24");
  ASSERT_TRUE(four.has_value());
  EXPECT_EQ(four->prefix_bits, 24);
  EXPECT_EQ(four->bytes[0], 10);
  EXPECT_EQ(four->bytes[3], 3);
  const auto six = parse_interface_address("fd00::1/128");
  ASSERT_TRUE(six.has_value());
  EXPECT_EQ(six->prefix_bits, 128);
  EXPECT_EQ(six->bytes[0], 0xfd);
  EXPECT_EQ(six->bytes[15], 1);
}

TEST(LinuxInterfaces, TheLoopbackIsThere) {
  const auto facts = look_at_interface("lo");
  ASSERT_TRUE(facts.has_value());
  EXPECT_GT(facts->index, 0);
  EXPECT_THAT(interfaces_here(), HasSubstr("lo"));
  EXPECT_FALSE(look_at_interface("no-such-one").has_value());
  LinkNews news;
  news.forget();
  EXPECT_GE(news.fd(), 0);
}

}  // namespace
}  // namespace roost
