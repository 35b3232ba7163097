// SPDX-License-Identifier: BSD-3-Clause
#include "cli/replay_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace roost::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kConfig = R"(
[cores]
io = [0]

[settings]
spin_us = 7

[[ports]]
name = "lan"
kind = "null"

[[ports]]
name = "wan"
kind = "af_packet"
interface = "eth0"
chain = "web"
io = [0, 1]

[[ports]]
name = "other"
kind = "tap"
chain = "web"

[[services]]
name = "firewall"

[[chains]]
name = "web"
services = ["firewall"]
out = "lan"
)";

std::string error_of(const std::string& text, const Replay& replay) {
  try {
    replay_config(text, "my.toml", replay);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

TEST(ReplayConfig, TheFirstPortWithAChainReplaysAndTheOthersReceiveNothing) {
  const std::string text = replay_config(kConfig, "my.toml", {"/a/b.pcap", ""});
  EXPECT_EQ(count(text, "/a/b.pcap"), 1U);
  EXPECT_EQ(count(text, "'pcap'"), 1U);
  EXPECT_EQ(count(text, "'null'"), 2U);
  EXPECT_LT(text.find("'wan'"), text.find("'other'"));  // ports keep their numbers
  for (const char* gone : {"eth0", "af_packet", "tap"}) EXPECT_THAT(text, Not(HasSubstr(gone)));
  for (const char* kept : {"spin_us = 7", "'lan'", "'wan'", "'other'", "chain = 'web'", "firewall", "recorded"})
    EXPECT_THAT(text, HasSubstr(kept));
  EXPECT_EQ(replay_config(text, "again", {"/a/b.pcap", ""}), text);
}

TEST(ReplayConfig, ThePortMayBeNamed) {
  const std::string text = replay_config(kConfig, "my.toml", {"/a/b.pcap", "other"});
  EXPECT_GT(text.find("/a/b.pcap"), text.find("'wan'"));
}

TEST(ReplayConfig, SaysWhatIsWrong) {
  EXPECT_THAT(error_of(kConfig, {"/a", "dmz"}), HasSubstr("my.toml: there is no port 'dmz'"));
  EXPECT_THAT(error_of("[[ports]]\nname = \"a\"\n", {"/a", ""}), HasSubstr("no port has a chain"));
  EXPECT_THAT(error_of("", {"/a", ""}), HasSubstr("no [[ports]]"));
  EXPECT_THAT(error_of("x = \n", {"/a", ""}), HasSubstr("my.toml:1:"));
}

}  // namespace
}  // namespace roost::cli
