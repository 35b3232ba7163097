// SPDX-License-Identifier: BSD-3-Clause
// What NFs send themselves: clones, packets with buffers of their own, and packets of the burst at hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "tests/nflib/worker_fixture.h"

namespace roost {
namespace {

TEST(WorkerPackets, ACloneOfAFullBufferStaysInItsOwn) {
  WorkerFixture fixture(1);
  Lambda nf([](Burst& burst) {
    ASSERT_NE(rte_pktmbuf_prepend(burst[0].mbuf(), kHeadroomBytes), nullptr);
    burst[0].data()[0] = 0x5a;
    Worker& worker = *Worker::current();
    worker.send(rte_pktmbuf_clone(burst[0].mbuf(), worker.pool()), out(3));
  });
  fixture.add(0, nf);
  fixture.grant(100);
  const auto* beyond = reinterpret_cast<const uint8_t*>(packet_view(101));
  const std::vector<uint8_t> before(beyond, beyond + kViewBytes);
  std::fill_n(packet_buffer(1), kBufferBytes, 0xff);
  fixture.start();
  fixture.deliver(0, 1, 0, true, 2048);
  const auto clone = fixture.collect(), came = fixture.collect();
  ASSERT_TRUE(clone && came);
  EXPECT_EQ(clone->handle, 100u);
  EXPECT_EQ(clone->data_offset, 0u);
  EXPECT_EQ(clone->data_bytes, kBufferBytes);
  EXPECT_EQ(packet_buffer(100)[0], 0x5a);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), beyond));
}

// An NF's own memory is none that the manager knows of.
class External {
 public:
  explicit External(uint16_t bytes) : bytes_(bytes) {
    shared_.free_cb = [](void*, void* told) { *static_cast<bool*>(told) = true; };
    shared_.fcb_opaque = &freed;
    rte_mbuf_ext_refcnt_set(&shared_, 1);
    memory_.fill(0x5a);
  }
  void send(Worker& worker) {
    rte_mbuf* const packet = rte_pktmbuf_alloc(worker.pool());
    ASSERT_NE(packet, nullptr);
    rte_pktmbuf_attach_extbuf(packet, memory_.data(), 0, bytes_, &shared_);
    packet->data_off = 0;
    packet->data_len = bytes_;
    packet->pkt_len = bytes_;
    worker.send(packet, out(3));
  }
  bool freed = false;

 private:
  const uint16_t bytes_;
  std::array<uint8_t, 4096> memory_{};
  rte_mbuf_ext_shared_info shared_{};
};

TEST(WorkerPackets, AnExternalBufferLeavesAsACopyWhereItFits) {
  WorkerFixture fixture(1);
  External small(1000), large(3000);
  Lambda nf([&](Burst&) {
    small.send(*Worker::current());
    large.send(*Worker::current());
  });
  fixture.add(0, nf);
  fixture.grant(100);
  fixture.grant(101);
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  const auto copied = fixture.collect(), dropped = fixture.collect(), came = fixture.collect();
  ASSERT_TRUE(copied && dropped && came);
  EXPECT_EQ(copied->handle, 100u);
  EXPECT_EQ(Verdict{copied->word}.kind(), Verdict::kOut);
  EXPECT_EQ(copied->data_bytes, 1000u);
  EXPECT_EQ(packet_buffer(100)[copied->data_offset + 999], 0x5a);
  EXPECT_EQ(dropped->handle, 101u);
  EXPECT_EQ(Verdict{dropped->word}.kind(), Verdict::kDrop);
  EXPECT_TRUE(small.freed && large.freed);
}

TEST(WorkerPackets, EachPacketSentAtOnceHasItsOwnHops) {
  WorkerFixture fixture(2);
  Lambda first([](Burst&) {});
  bool slept = false;
  Lambda second([&](Burst& burst) {
    if (!std::exchange(slept, true)) return Worker::current()->sleep_for_us(100'000);
    for (auto& packet : burst) {
      Worker::current()->send(packet.mbuf(), next());
      packet.verdict = keep();
    }
  });
  fixture.add(0, first);
  fixture.add(1, second);
  fixture.set_path(0, {0, 1});
  fixture.set_path(7, {1});
  fixture.start();
  fixture.deliver(1, 1, 7);
  fixture.deliver(0, 2, 0);  // waits between its hops, and is taken with the next
  fixture.deliver(1, 3, 7);
  std::map<uint32_t, Verdict> verdicts;
  for (int i = 0; i < 3; ++i) {
    const auto back = fixture.collect();
    ASSERT_TRUE(back);
    verdicts[back->handle] = Verdict{back->word};
  }
  EXPECT_EQ(verdicts.at(2), next().with_hops(2));
  EXPECT_EQ(verdicts.at(3), next().with_hops(1));
}

// By then the packet may be another host's.
TEST(WorkerPackets, OneThatIsSentOrFreedIsNotWrittenToAtTheBurstsEnd) {
  constexpr uint32_t kOthers = 77;
  WorkerFixture fixture(1);
  std::atomic<bool> goes_on = false;
  Lambda nf([&](Burst& burst) {
    if (burst.size() != 2) return;
    Worker::current()->send(burst[0].mbuf(), next());
    rte_pktmbuf_free(burst[1].mbuf());
    for (auto& packet : burst) packet.verdict = keep();
    while (!goes_on) continue;
  });
  fixture.add(0, nf);
  fixture.stage(0, 1);
  fixture.stage(0, 2);
  fixture.publish();
  fixture.start();
  for (int i = 0; i < 2; ++i) {
    const auto back = fixture.collect();
    ASSERT_TRUE(back);
    packet_view(back->handle)->hash.usr = kOthers;
  }
  goes_on = true;
  fixture.deliver(0, 3, 0, true);
  ASSERT_TRUE(fixture.collect());
  EXPECT_EQ(packet_view(1)->hash.usr, kOthers);
  EXPECT_EQ(packet_view(2)->hash.usr, kOthers);
}

TEST(WorkerPackets, OneSentOnAnotherThreadIsFreed) {
  WorkerFixture fixture(1);
  rte_mbuf* made = nullptr;
  Lambda nf([&](Burst&) { made = rte_pktmbuf_alloc(Worker::current()->pool()); });
  fixture.add(0, nf);
  fixture.grant(100);
  fixture.start();
  fixture.deliver(0, 1, 0, true);
  ASSERT_EQ(fixture.collect()->handle, 1u);
  ASSERT_EQ(fixture.worker().remove_nfs(0, 1, std::chrono::seconds(10)), Worker::Removal::done);
  ASSERT_NE(made, nullptr);
  fixture.worker().send(made, out(3));  // as in a destructor
  fixture.wake();
  const auto freed = fixture.collect();
  ASSERT_TRUE(freed);
  EXPECT_EQ(freed->handle, 100u);
  EXPECT_EQ(Verdict{freed->word}.kind(), Verdict::kDrop);
}

}  // namespace
}  // namespace roost
