// SPDX-License-Identifier: BSD-3-Clause
// Hosts that write what no honest host does into the memory that they share.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/scheduler/loop_fixture.h"

#include <set>

namespace roost {
namespace {

class DataLoopHostile : public test::LoopTest {
 protected:
  void one_nf() {
    build({});
    host = &add_host(0, 1);
    add_nf(0, 0, *host, 0);
  }
  // Two NFs in `host`, and the third in another, which it returns.
  test::FakeHost& chain_of_three() {
    build({.services = 3, .chains = {{0, 1, 2}}});
    host = &add_host(0, 2);
    auto& other = add_host(1, 1);
    add_nf(0, 0, *host, 0);
    add_nf(1, 1, *host, 1);
    add_nf(2, 2, other, 0);
    return other;
  }
  Descriptor delivered(uint32_t tag = 0) {
    put(1, tag);
    turns();
    const auto all = host->take(0);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Descriptor{} : all[0];
  }
  uint64_t refused() const { return loop->counters().refused.get(); }

  test::FakeHost* host = nullptr;
};

TEST_F(DataLoopHostile, ForgedHandles) {
  one_nf();
  const Descriptor d = delivered();
  const uint32_t handles[] = {d.handle + 1, 2048, kHandlesPerNode - 1, kHandlesPerNode, kNoHandle, 0x80000000};
  for (const uint32_t handle : handles) {
    if (handle == d.handle) continue;
    Descriptor forged = d;
    forged.handle = handle;
    host->answer(forged, out(1));
  }
  turns();
  EXPECT_EQ(refused(), 6U);
  EXPECT_TRUE(last->sent.empty());
  EXPECT_EQ(held(), 1U);
  EXPECT_TRUE(balanced());
  host->answer(d, out(1));
  turns();
  EXPECT_EQ(last->sent.size(), 1U);
}

TEST_F(DataLoopHostile, AReplayedHandle) {
  one_nf();
  const Descriptor d = delivered();
  host->answer(d, out(1));
  host->answer(d, out(1));
  host->answer(d, drop());
  turns();
  host->answer(d, out(1));  // and once more, when it is back in the pool
  turns();
  EXPECT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(refused(), 3U);
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST_F(DataLoopHostile, AHandleOfAnotherHost) {
  one_nf();
  auto& thief = add_host(1, 1);
  const Descriptor d = delivered();
  thief.answer(d, out(1));
  turns();
  EXPECT_EQ(refused(), 1U);
  EXPECT_TRUE(last->sent.empty());
  EXPECT_EQ(loop->count_owned(0), 1U);
  Descriptor chained = d;  // as a segment of nothing, and behind nothing of its own
  chained.flags = Descriptor::kMoreSegments;
  thief.answer(chained, out(1));
  thief.answer(d, out(1));
  turns();
  EXPECT_EQ(refused(), 3U);
  host->answer(d, next().with_hops(1));
  turns();
  EXPECT_EQ(last->sent.size(), 1U);
}

TEST_F(DataLoopHostile, ImpossibleLengthsAndOffsets) {
  one_nf();
  const std::pair<uint16_t, uint16_t> places[] = {
      {kHeadroomBytes, 65535}, {65535, 65535},        {kBufferBytes + 1, 0}, {65535, 0},
      {kBufferBytes, 1},       {0, kBufferBytes + 1}, {1, kBufferBytes},     {kHeadroomBytes, 2049}};
  for (const auto& [offset, bytes] : places) {
    Descriptor d = delivered();
    d.data_offset = offset;
    d.data_bytes = bytes;
    host->answer(d, out(1));
    turns();
  }
  EXPECT_EQ(dropped(DropCause::malformed), 8U);
  EXPECT_TRUE(last->sent.empty());
  EXPECT_EQ(held(), 0U);
  EXPECT_EQ(pool->in_use(), 0U);
  Descriptor d = delivered();  // the whole buffer is possible
  d.data_offset = 0;
  d.data_bytes = kBufferBytes;
  host->answer(d, out(1));
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].bytes, kBufferBytes);
  // Used again, its buffer is as it was.
  d = delivered(7);
  EXPECT_EQ(d.data_offset, kHeadroomBytes);
  host->answer(d, drop());
}

TEST_F(DataLoopHostile, AnImpossibleSegmentSpoilsThePacket) {
  one_nf();
  ports[0]->put(1, 0, 3);
  turns();
  auto all = host->take(0);
  ASSERT_EQ(all.size(), 3U);
  all[1].data_bytes = 60'000;
  for (const Descriptor& d : all) host->answer(d, next().with_hops(1));
  turns();
  EXPECT_EQ(dropped(DropCause::malformed), 1U);
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST_F(DataLoopHostile, HopsThatWereNotGranted) {
  auto& other = chain_of_three();
  for (const uint32_t hops : {0U, 3U, 255U}) host->answer(delivered(), next().with_hops(hops));
  host->answer(delivered(), keep());
  host->answer(delivered(), Verdict{5});
  host->answer(delivered(), Verdict{0xff});
  turns();
  EXPECT_EQ(dropped(DropCause::malformed), 6U);
  EXPECT_EQ(loop->counters().breaches.get(), 6U);
  EXPECT_EQ(held(), 0U);
  EXPECT_TRUE(last->sent.empty());
  host->answer(delivered(), next().with_hops(2));
  turns();
  EXPECT_EQ(other.take(0).size(), 1U);
  expect_nothing_held = false;  // the test took it and lost it
}

TEST_F(DataLoopHostile, SegmentsWithoutEnd) {
  one_nf();
  const Descriptor own = delivered();
  Descriptor d = own;
  d.flags = Descriptor::kMoreSegments;
  for (int i = 0; i < 400; ++i) host->answer(d, out(1));  // the same one, again and again
  turns(10);
  EXPECT_GT(loop->counters().breaches.get(), 0U);
  EXPECT_GT(refused(), 300U);
  EXPECT_TRUE(last->sent.empty());
  EXPECT_TRUE(balanced());
  // The loop goes on with what is sound.
  host->answer({}, drop());
  turns(3);
  host->answer(delivered(), out(1));
  turns();
  EXPECT_EQ(last->sent.size(), 1U);
}

TEST_F(DataLoopHostile, ManySegmentsOfItsOwn) {
  one_nf();
  std::vector<Descriptor> mine;
  while (mine.size() < 300) {
    for (int i = 0; i < 32; ++i) put(1);
    turns();
    for (const Descriptor& d : host->take(0)) mine.push_back(d);
  }
  for (Descriptor d : mine) {
    d.flags = Descriptor::kMoreSegments;
    host->answer(d, out(1));
  }
  turns(20);
  EXPECT_TRUE(balanced());
  EXPECT_GT(loop->counters().breaches.get(), 0U);
  host->answer({}, drop());
  turns(2);
  EXPECT_EQ(held(), 0U);
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST_F(DataLoopHostile, ARewoundOrRunawayInboxCursor) {
  build({});
  std::vector<uint32_t> told;
  loop->on_breach([&](uint32_t id, Breach what) {
    EXPECT_EQ(what, Breach::cursor);
    told.push_back(id);
  });
  host = &add_host(0, 1, 3);
  add_nf(0, 0, *host, 0);
  for (int i = 0; i < 8; ++i) put(1);
  turns();
  const auto all = host->take(0);  // says that it has consumed 8
  ASSERT_EQ(all.size(), 8U);
  for (int i = 0; i < 4; ++i) put(1);
  turns();
  EXPECT_EQ(held(), 12U);
  EXPECT_EQ(loop->counters().breaches.get(), 0U);
  uint64_t breaches = 0;
  for (const uint32_t cursor : {7U, 0U, 0xffffffffU, 17U, 1000U}) {
    host->region.nf(0).consumed = cursor;
    for (int i = 0; i < 8; ++i) put(1);
    turns();
    EXPECT_TRUE(balanced());
    EXPECT_LE(held(), 16U);
    EXPECT_GT(loop->counters().breaches.get(), breaches);
    breaches = loop->counters().breaches.get();
    EXPECT_EQ(told, std::vector<uint32_t>{0});  // once
  }
  EXPECT_EQ(held(), 16U);
  EXPECT_EQ(dropped(DropCause::inbox_full), 36U);
  host->region.nf(0).consumed = 8;
  for (const Descriptor& d : all) host->answer(d, out(1));
  turns();
  EXPECT_EQ(last->sent.size(), 8U);
  host->serve(paths);
}

// An NF may have more waiting than its worker's inbox holds: what waits in the middle of a chain stays where it is.
TEST_F(DataLoopHostile, AFullInboxIsNotWrittenOver) {
  build({.services = 2, .chains = {{0, 1}}});
  auto& first = add_host(0, 1, 8);
  add_nf(0, 0, first, 0);
  host = &add_host(1, 1, 3);  // its inbox has 64 slots
  loop->add_nfs(1, 1, 1, host->id, 0, 10);
  nfs_used = 2;
  constexpr uint32_t kPackets = 100;
  for (uint32_t i = 0; i < kPackets; ++i) put(1);
  turns(4);
  for (const Descriptor& d : first.take(0)) first.answer(d, next().with_hops(1));
  turns(4);
  EXPECT_EQ(held(), uint64_t{kPackets});
  std::set<uint32_t> seen;
  for (uint32_t round = 0; round < 8; ++round, turns(2))
    for (const Descriptor& d : host->take(0)) {
      EXPECT_TRUE(seen.insert(d.handle).second) << d.handle;
      host->answer(d, next().with_hops(1));
    }
  EXPECT_EQ(seen.size(), size_t{kPackets});
  EXPECT_EQ(last->sent.size(), size_t{kPackets});
}

TEST_F(DataLoopHostile, ARunawayCursorOfTheInbox) {
  build({});
  std::vector<uint32_t> told;
  loop->on_breach([&](uint32_t id, Breach what) {
    EXPECT_EQ(what, Breach::cursor);
    told.push_back(id);
  });
  host = &add_host(0, 1, 3);  // its inbox has 64 slots
  loop->add_nfs(0, 1, 0, host->id, 0, 10);
  nfs_used = 1;
  for (int i = 0; i < 64; ++i) put(1);
  turns();
  EXPECT_EQ(held(), 64U);
  put(1);
  turns();
  EXPECT_EQ(loop->counters().breaches.get(), 0U);
  EXPECT_EQ(dropped(DropCause::inbox_full), 1U);
  uint64_t breaches = 0;
  for (const uint32_t cursor : {65U, 1000U, 0xffffffffU}) {
    host->region.worker().inbox_consumed = cursor;
    put(1);
    turns();
    EXPECT_TRUE(balanced());
    EXPECT_EQ(held(), 64U);
    EXPECT_GT(loop->counters().breaches.get(), breaches);
    breaches = loop->counters().breaches.get();
    EXPECT_EQ(told, std::vector<uint32_t>{0});  // once
  }
  host->region.worker().inbox_consumed = 0;
  host->serve(paths);
}

TEST_F(DataLoopHostile, ARunawayCursorOfGrantedPackets) {
  one_nf();
  std::vector<uint32_t> told;
  loop->on_breach([&](uint32_t id, Breach what) {
    EXPECT_EQ(what, Breach::cursor);
    told.push_back(id);
  });
  host->region.worker().grants_wanted = 64;
  host->region.worker().grants_consumed = 77;
  turns();
  EXPECT_EQ(told, std::vector<uint32_t>{0});
  EXPECT_GT(loop->counters().breaches.get(), 0U);
  EXPECT_EQ(pool->in_use(), 16U);  // as many as there is room for
}

// In the middle of a chain, too, where packets wait for the inbox.
TEST_F(DataLoopHostile, ARewoundCursorBehindABacklog) {
  build({.services = 2, .chains = {{0, 1}}});
  host = &add_host(0, 1);
  auto& second = add_host(1, 1, 2);
  add_nf(0, 0, *host, 0);
  add_nf(1, 1, second, 0);
  std::vector<uint32_t> told;
  loop->on_breach([&](uint32_t id, Breach what) {
    EXPECT_EQ(what, Breach::cursor);
    told.push_back(id);
  });
  for (int i = 0; i < 6; ++i) put(1);
  turns();
  host->serve(paths);
  turns();
  EXPECT_TRUE(told.empty());
  second.region.nf(0).consumed = UINT32_MAX;
  turns();
  EXPECT_EQ(told, std::vector<uint32_t>{1});
  EXPECT_TRUE(balanced());
  second.region.nf(0).consumed = 0;
}

// An outbox that is never empty, of a host that says it sleeps: a turn ends all the same.
TEST_F(DataLoopHostile, AnOutboxThatNeverEmpties) {
  one_nf();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      host->outbox.refresh();
      for (int i = 0; i < 64 && host->outbox.room() != 0; ++i) host->outbox.push({kNoHandle, 0, 0, 0, 0, 0});
      host->announce();
    }
  });
  const uint64_t end = tsc_now() + small().tsc_hz / 20;
  while (tsc_now() < end) turns();
  stop = true;
  writer.join();
  turns(20);
  EXPECT_GT(refused(), 0U);
  EXPECT_TRUE(balanced());
}

// Anything at all in the whole outbox: the loop survives, the books balance, and what is another's stays his.
TEST_F(DataLoopHostile, Noise) {
  auto& other = chain_of_three();
  host->region.worker().grants_wanted = 8;
  std::mt19937 random(7);
  std::vector<Descriptor> known(1);
  for (int round = 0; round < 2'000; ++round) {
    for (uint32_t i = 0; i < random() % 8 && pool->in_use() < 1'500; ++i)
      ports[0]->put(random() % 16, 0, 1 + random() % 4);
    turns();
    for (const uint32_t nf : {0U, 1U})
      for (const Descriptor& d : host->take(nf)) known.push_back(d);
    for (const Descriptor& d : host->take_granted()) known.push_back(d);
    for (uint32_t i = 0; i < random() % 16; ++i) {
      Descriptor d = known[random() % known.size()];
      if (random() % 8 == 0) d.handle = static_cast<uint32_t>(random());
      if (random() % 8 == 0) d.data_bytes = static_cast<uint16_t>(random());
      if (random() % 8 == 0) d.data_offset = static_cast<uint16_t>(random());
      d.word = random() % 4 == 0
                   ? static_cast<uint32_t>(random())
                   : (Verdict{static_cast<uint32_t>(random() % 5 | random() % 4 << 8)}).with_hops(random() % 4).word;
      d.flags = random() % 3 == 0 ? static_cast<uint8_t>(random()) : 0;
      host->outbox.refresh();
      if (host->outbox.room() != 0) host->push(d);
    }
    if (random() % 16 == 0 && host->state_of_bell() == Doorbell::kAwake) host->announce();
    if (random() % 8 == 0) other.serve(paths);
    ASSERT_TRUE(balanced());
  }
  EXPECT_GT(refused(), 0U);
  EXPECT_GT(last->sent.size(), 0U);
  expect_nothing_held = false;
}

}  // namespace
}  // namespace roost
