// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/module_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "tests/support/temp_dir.h"

namespace roost {
namespace {

const std::string kElf = std::string("\177ELF\2\1\1", 7) + std::string(9, '\0') + "the rest of a module";

std::string content(int fd) {
  std::string text(1000, '\0');
  const ssize_t bytes = pread(fd, text.data(), text.size(), 0);
  text.resize(bytes < 0 ? 0 : static_cast<size_t>(bytes));
  return text;
}

std::string error_of(ModuleStore& store, const std::string& path) {
  try {
    store.open(path);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ModuleStoreTest, OneSealedCopyOfAFile) {
  const test::TempDir folder;
  ModuleStore store;
  const std::string path = folder.file("a.so", kElf);
  const ModuleCopy& copy = store.open(path);
  EXPECT_EQ(copy.path, path);
  EXPECT_EQ(content(copy.memory.get()), kElf);
  EXPECT_EQ(&store.open(path), &copy);
  EXPECT_NE(ftruncate(copy.memory.get(), 0), 0);
  EXPECT_NE(pwrite(copy.memory.get(), "x", 1, 0), 1);
  EXPECT_NE(store.open(folder.file("b.so", kElf)).id, copy.id);
}

TEST(ModuleStoreTest, AReplacedFileIsANewModuleAndTheOldCopyStays) {
  const test::TempDir folder;
  ModuleStore store;
  const std::string path = folder.file("a.so", kElf);
  const ModuleCopy& before = store.open(path);
  folder.file("a.so", kElf + ", second edition");
  const ModuleCopy& after = store.open(path);
  EXPECT_NE(after.id, before.id);
  EXPECT_EQ(content(before.memory.get()), kElf);
  EXPECT_EQ(content(after.memory.get()), kElf + ", second edition");
  ASSERT_EQ(truncate(path.c_str(), 0), 0);
  EXPECT_EQ(content(after.memory.get()), kElf + ", second edition");
}

TEST(ModuleStoreTest, RefusesWhatIsNoModule) {
  const test::TempDir folder;
  ModuleStore store;
  EXPECT_NE(error_of(store, folder.path("none.so")).find("none.so"), std::string::npos);
  EXPECT_NE(error_of(store, folder.file("empty.so", "")).find("roost_add_nf"), std::string::npos);
  EXPECT_NE(error_of(store, folder.file("text.so", "#!/bin/sh\nexit 0\n# long enough")).find("roost_add_nf"),
            std::string::npos);
  EXPECT_NE(error_of(store, folder.path("")), "");  // a folder
  EXPECT_NE(error_of(store, "/dev/null"), "");
}

}  // namespace
}  // namespace roost
