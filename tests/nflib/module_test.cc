// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/module.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "core/error.h"
#include "tests/support/temp_dir.h"

namespace roost {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string built(const std::string& name) { return ROOST_TEST_MODULE_DIR "/test_" + name + ".so"; }

FileDescriptor open_file(const std::string& path) { return FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

std::string why_not(const std::string& path) {
  try {
    const Module module(open_file(path), path);
  } catch (const Error& error) {
    return error.what();
  }
  return "loaded";
}

TEST(Module, LoadsAndMakesNfs) {
  const Module module(open_file(built("tag")), built("tag"));
  EXPECT_STREQ(module.descriptor().name, "Tag");
  ASSERT_LE(module.descriptor().nf_bytes, 64u);
  alignas(64) std::byte memory[64];
  Nf* nf = module.descriptor().construct(memory);
  EXPECT_EQ(static_cast<void*>(nf), memory);
  nf->~Nf();
}

TEST(Module, TwoThatUseTheSameDescriptorNumberAreTwo) {
  {
    const Module first(open_file(built("tag")), "first");
    EXPECT_STREQ(first.descriptor().name, "Tag");
  }
  const Module second(open_file(built("fussy")), "second");
  const Module third(open_file(built("tag")), "third");
  EXPECT_STREQ(second.descriptor().name, "Fussy");
  EXPECT_STREQ(third.descriptor().name, "Tag");
}

TEST(Module, TextIsNoSharedObject) {
  const test::TempDir folder;
  const std::string path =
      folder.file("notes.so", "these are notes, and enough of them for an ELF header of sixty-four");
  EXPECT_THAT(why_not(path), AllOf(HasSubstr("notes.so"), HasSubstr("not a shared object"), HasSubstr("roost_add_nf")));
  EXPECT_THAT(why_not(folder.file("empty.so", "")), HasSubstr("not a shared object"));
}

TEST(Module, AFileCutShortIsRefusedBeforeItIsMapped) {
  const test::TempDir folder;
  std::ifstream whole(built("tag"), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  ASSERT_GT(bytes.size(), 8192u);
  EXPECT_THAT(why_not(folder.file("cut.so", bytes.substr(0, 4096))), HasSubstr("cut short"));
  EXPECT_THAT(why_not(folder.file("stub.so", bytes.substr(0, 80))), HasSubstr("cut short"));
}

TEST(Module, PlainSharedObjectIsNoModule) {
  EXPECT_EQ(why_not(built("plain")),
            fmt::format("'{}' is not a Roost NF module; build it with roost_add_nf", built("plain")));
}

TEST(Module, OtherAbiNamesBothVersions) {
  EXPECT_THAT(why_not(built("other_abi")),
              AllOf(HasSubstr(fmt::format("version {}", kNfAbiVersion + 41)),
                    HasSubstr(fmt::format("version {};", kNfAbiVersion)), HasSubstr("again")));
}

TEST(Module, UndefinedSymbolsAreNamed) {
  EXPECT_THAT(why_not(built("undefined")),
              AllOf(HasSubstr("roost_test_symbol_that_nobody_has"), HasSubstr("test_undefined.so")));
  EXPECT_THAT(why_not(built("undefined")), testing::Not(HasSubstr("/proc/self")));
}

}  // namespace
}  // namespace roost
