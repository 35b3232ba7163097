// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/event_set.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "scheduler/mailbox.h"

namespace roost {
namespace {

void ring(const FileDescriptor& fd) {
  const uint64_t one = 1;
  ASSERT_EQ(write(fd.get(), &one, sizeof one), ssize_t{sizeof one});
}

TEST(EventSetTest, VisitsWhatIsReadableAndNothingElse) {
  EventSet events;
  std::vector<FileDescriptor> all;
  for (uint64_t i = 0; i < 500; ++i) {
    all.emplace_back(eventfd(0, EFD_CLOEXEC));
    events.watch(all.back().get(), i << 32 | 7);
  }
  EXPECT_TRUE(events.ready().empty());
  ring(all[3]);
  EXPECT_EQ(events.ready(), std::vector<uint64_t>{uint64_t{3} << 32 | 7});
  EXPECT_EQ(events.ready().size(), 1U);  // until it is dealt with
  ring(all[4]);
  all[3].reset();  // closed: watched no more
  EXPECT_EQ(events.ready(), std::vector<uint64_t>{uint64_t{4} << 32 | 7});
  events.forget(all[4].get());
  EXPECT_TRUE(events.ready().empty());
  for (const auto& each : all)
    if (each) ring(each);
  EXPECT_EQ(events.ready().size(), size_t{EventSet::kAtOnce});
}

TEST(EventSetTest, NestsInOthers) {
  EventSet inner, outer;
  outer.watch(inner.fd(), 1);
  const FileDescriptor fd(eventfd(0, EFD_CLOEXEC));
  inner.watch(fd.get(), 2);
  EXPECT_TRUE(outer.ready().empty());
  ring(fd);
  EXPECT_EQ(outer.ready(), std::vector<uint64_t>{1});
}

TEST(MailboxTest, IsReadableWhileThereIsSomethingInIt) {
  Mailbox<int> box;
  EventSet events;
  events.watch(box.fd(), 0);
  EXPECT_TRUE(box.take().empty());
  for (int i = 0; i < 3; ++i) box.put(i);
  EXPECT_EQ(events.ready().size(), 1U);
  EXPECT_EQ(box.take(), (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(events.ready().empty());
  box.put(3);
  EXPECT_EQ(events.ready().size(), 1U);
  EXPECT_EQ(box.take(), std::vector<int>{3});
}

}  // namespace
}  // namespace roost
