// SPDX-License-Identifier: BSD-3-Clause
#include "core/shared_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "core/error.h"

namespace roost {
namespace {

FileDescriptor copy_of(int fd) { return FileDescriptor(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }
bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(FileDescriptorTest, OwnsItsDescriptor) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  FileDescriptor a(pipe_ends[0]), b(pipe_ends[1]);
  FileDescriptor moved(std::move(a));
  EXPECT_FALSE(a);  // NOLINT: moved from on purpose
  EXPECT_EQ(moved.get(), pipe_ends[0]);
  moved = std::move(b);
  EXPECT_FALSE(is_open(pipe_ends[0]));
  EXPECT_TRUE(is_open(pipe_ends[1]));
  const int released = moved.release();
  moved.reset();
  EXPECT_TRUE(is_open(released));
  close(released);
}

TEST(SharedMemoryTest, BothSidesSeeTheSameBytes) {
  const auto mine = SharedMemory::create({.name = "both", .bytes = 5000});
  EXPECT_EQ(mine.bytes(), 8192U);  // whole pages
  EXPECT_EQ(mine.page_kind(), PageKind::small);
  EXPECT_EQ(mine.page_bytes(), 4096U);
  const auto theirs = SharedMemory::attach(copy_of(mine.fd()), 8192, 0, true, "both");
  ASSERT_NE(mine.data(), theirs.data());
  std::strcpy(reinterpret_cast<char*>(mine.data()), "from here");
  EXPECT_STREQ(reinterpret_cast<char*>(theirs.data()), "from here");
  std::strcpy(reinterpret_cast<char*>(theirs.data()) + 4096, "from there");
  EXPECT_STREQ(reinterpret_cast<char*>(mine.data()) + 4096, "from there");
}

TEST(SharedMemoryTest, NobodyCanPullItAway) {
  const auto memory = SharedMemory::create({.name = "sealed", .bytes = 8192});
  EXPECT_NE(ftruncate(memory.fd(), 0), 0);
  EXPECT_NE(ftruncate(memory.fd(), 4096), 0);
  EXPECT_NE(ftruncate(memory.fd(), 16384), 0);
  EXPECT_NE(fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(SharedMemoryTest, ReadOnlyForOthers) {
  const auto memory = SharedMemory::create({.name = "mine", .bytes = 4096, .writable_by_others = false});
  std::memset(memory.data(), 7, 4096);
  EXPECT_THROW(SharedMemory::attach(copy_of(memory.fd()), 4096, 0, true, "mine"), Error);
  const auto theirs = SharedMemory::attach(copy_of(memory.fd()), 4096, 0, false, "mine");
  EXPECT_EQ(theirs.data()[4095], std::byte{7});
  EXPECT_NE(mprotect(theirs.data(), 4096, PROT_READ | PROT_WRITE), 0);
  EXPECT_NE(pwrite(memory.fd(), "x", 1, 0), 1);
}

TEST(SharedMemoryTest, AFixedAddressIsTakenOrRefused) {
  constexpr uintptr_t kAt = 0x551000000000;
  const auto memory = SharedMemory::create({.name = "fixed", .bytes = 4096, .at = kAt});
  EXPECT_EQ(memory.data(), reinterpret_cast<std::byte*>(kAt));
  EXPECT_THROW(SharedMemory::create({.name = "again", .bytes = 4096, .at = kAt}), Error);
  EXPECT_THROW(SharedMemory::attach(copy_of(memory.fd()), 4096, kAt, true, "again"), Error);
}

TEST(SharedMemoryTest, AttachesOnlyWhatWasAnnounced) {
  const auto memory = SharedMemory::create({.name = "sizes", .bytes = 8192});
  EXPECT_THROW(SharedMemory::attach(copy_of(memory.fd()), 4096, 0, true, "sizes"), Error);
  EXPECT_THROW(SharedMemory::attach(FileDescriptor(), 4096, 0, true, "none"), Error);
  FileDescriptor open(memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(open.get(), 8192), 0);
  try {
    SharedMemory::attach(std::move(open), 8192, 0, true, "open");
    FAIL() << "not sealed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("sealed"), std::string::npos) << error.what();
  }
}

TEST(SharedMemoryTest, MovesAndUnmaps) {
  auto memory = SharedMemory::create({.name = "moves", .bytes = 4096});
  std::byte* const at = memory.data();
  SharedMemory moved(std::move(memory));
  EXPECT_EQ(moved.data(), at);
  EXPECT_EQ(memory.data(), nullptr);  // NOLINT: moved from on purpose
  moved.close_descriptor();
  EXPECT_LT(moved.fd(), 0);
  moved.data()[0] = std::byte{1};  // the mapping stays
  moved = SharedMemory();
  unsigned char resident;
  EXPECT_NE(mincore(at, 4096, &resident), 0);
}

TEST(SharedMemoryTest, IsReplacedAtItsAddresses) {
  const auto first = SharedMemory::create({.name = "first", .bytes = 8192});
  const auto second = SharedMemory::create({.name = "second", .bytes = 8192});
  const auto larger = SharedMemory::create({.name = "larger", .bytes = 12288});
  auto memory = SharedMemory::attach(copy_of(first.fd()), 8192, 0, true, "mine");
  std::byte* const at = memory.data();
  first.data()[0] = std::byte{1};
  second.data()[0] = std::byte{2};
  EXPECT_EQ(at[0], std::byte{1});
  memory.let_go("mine");
  EXPECT_EQ(memory.data(), at);
  const int ends = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(read(ends, at, 1), -1);  // nothing can be written there
  close(ends);
  EXPECT_THROW(memory.map_over(copy_of(larger.fd()), true, "mine"), Error);
  memory.map_over(copy_of(second.fd()), true, "mine");
  EXPECT_EQ(memory.data(), at);
  EXPECT_EQ(at[0], std::byte{2});
  at[1] = std::byte{3};
  EXPECT_EQ(second.data()[1], std::byte{3});
  EXPECT_LT(memory.fd(), 0);
}

TEST(SharedMemoryTest, HugepagesWhereTheyAreRequiredOrThrows) {
  try {
    const auto memory = SharedMemory::create({.name = "huge", .bytes = 1, .hugepages = Hugepages::require});
    EXPECT_EQ(memory.page_kind(), PageKind::huge);
    EXPECT_EQ(memory.bytes(), size_t{2} << 20);
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("vm.nr_hugepages"), std::string::npos) << error.what();
  }
  const auto any = SharedMemory::create({.name = "any", .bytes = 4096, .hugepages = Hugepages::automatic});
  EXPECT_NE(any.data(), nullptr);
}

}  // namespace
}  // namespace roost
