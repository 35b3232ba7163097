// SPDX-License-Identifier: BSD-3-Clause
#include "cli/modules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/default_socket.h"
#include "tests/support/temp_dir.h"

namespace roost::cli {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

class Modules : public testing::Test {
 protected:
  Modules() {
    first_.file("counter.so", "");
    second_.file("counter.so", "");
    second_.file("firewall.so", "");
    folders_ = {first_.path("."), second_.path(".")};
  }
  std::string error_of(const std::string& name) const {
    try {
      return "found " + find_module(name, folders_);
    } catch (const Error& error) {
      return error.what();
    }
  }
  test::TempDir first_, second_;
  std::vector<std::filesystem::path> folders_;
};

TEST_F(Modules, AreFoundByNameInTheFirstFolderThatHasThem) {
  EXPECT_EQ(find_module("counter", folders_), std::filesystem::canonical(first_.path("counter.so")));
  EXPECT_EQ(find_module("firewall.so", folders_), std::filesystem::canonical(second_.path("firewall.so")));
}

TEST_F(Modules, AreFoundByPathWithAndWithoutTheirEnding) {
  const auto wanted = std::filesystem::canonical(second_.path("firewall.so"));
  EXPECT_EQ(find_module(second_.path("firewall.so"), {}), wanted);
  EXPECT_EQ(find_module(second_.path("firewall"), {}), wanted);
}

TEST_F(Modules, ThatAreMissingGetASuggestionAndAList) {
  EXPECT_THAT(error_of("firewal"), AllOf(HasSubstr("did you mean 'firewall'?"), HasSubstr("counter, firewall")));
  EXPECT_THAT(error_of("./firewall"), HasSubstr("no such file"));
  EXPECT_THAT(error_of(""), HasSubstr("not in"));
}

TEST_F(Modules, FoldersComeFromTheEnvironmentFirst) {
  setenv("ROOST_MODULE_PATH", "/a::/b/c", 1);
  EXPECT_THAT(module_folders("/built/in"), testing::ElementsAre("/a", "/b/c", "/built/in"));
  unsetenv("ROOST_MODULE_PATH");
  EXPECT_THAT(module_folders("/built/in"), testing::ElementsAre("/built/in"));
}

TEST(DefaultSocket, FollowsTheEnvironment) {
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  setenv("ROOST_SOCKET", "/tmp/mine.sock", 1);
  EXPECT_EQ(default_socket(), "/tmp/mine.sock");
  unsetenv("ROOST_SOCKET");
  EXPECT_EQ(default_socket(), "/run/user/7/roost.sock");
  unsetenv("XDG_RUNTIME_DIR");
  if (geteuid() == 0) {
    EXPECT_EQ(default_socket(), "/run/roost.sock");
  } else {
    EXPECT_THROW(default_socket(), Error);
  }
}

}  // namespace
}  // namespace roost::cli
