// SPDX-License-Identifier: BSD-3-Clause
// NFs and hosts that come and go while packets are on their way.
#include <gtest/gtest.h>

#include "tests/scheduler/two_in_a_row.h"

namespace roost {
namespace {

class DataLoopMembership : public test::TwoInARow {
 protected:
  static std::vector<Descriptor> take_all(test::FakeHost& host) {
    std::vector<Descriptor> all;
    for (uint32_t nf = 0; nf < host.waiting.size(); ++nf)
      for (const Descriptor& d : host.take(nf)) all.push_back(d);
    return all;
  }
};

TEST_F(DataLoopMembership, FlowsOfARetiredNfMoveAndTheOthersStay) {
  build({});
  auto& host = add_host(0, 4);
  for (uint32_t nf = 0; nf < 4; ++nf) add_nf(nf, 0, host, nf);
  std::vector<uint32_t> nf_of(100, 99);
  const auto round = [&](bool first) {
    uint32_t moved = 0;
    for (uint32_t flow = 0; flow < 100; ++flow) put(flow);
    turns(4);
    for (uint32_t nf = 0; nf < 4; ++nf)
      for (const Descriptor& d : host.take(nf)) {
        uint32_t flow;
        std::memcpy(&flow, packet_buffer(d.handle) + d.data_offset + test::kFlowAt, 4);
        if (!first && nf_of[flow] != nf) {
          EXPECT_EQ(nf_of[flow], 2U);
          ++moved;
        }
        nf_of[flow] = nf;
        host.answer(d, next().with_hops(1));
      }
    turns(3);
    return moved;
  };
  EXPECT_EQ(round(true), 0U);
  const auto of_two = static_cast<uint32_t>(std::count(nf_of.begin(), nf_of.end(), 2U));
  EXPECT_GT(of_two, 0U);
  EXPECT_EQ(loop->paths(), 4U);
  loop->retire_nfs(2, 1);
  EXPECT_EQ(round(false), of_two);
  EXPECT_EQ(loop->paths(), 3U);
  EXPECT_EQ(round(false), 0U);
  EXPECT_EQ(last->sent.size(), 300U);
}

TEST_F(DataLoopMembership, PathsAreFreedOnceTheirPacketsAreBack) {
  auto options = small();
  options.path_units = 2;
  build({.options = options});
  auto& host = add_host(0, 4);
  add_nf(0, 0, host, 0);
  put(1);
  turns();
  const auto first = host.take(0);
  ASSERT_EQ(first.size(), 1U);
  add_nf(1, 0, host, 1);
  loop->retire_nfs(0, 1);
  put(1);
  turns();
  const auto second = host.take(1);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_NE(PathRef{first[0].word}.unit(), PathRef{second[0].word}.unit());
  add_nf(2, 0, host, 2);
  loop->retire_nfs(1, 1);
  put(1);
  turns();
  EXPECT_EQ(dropped(DropCause::no_path), 1U);  // both places are in use as long as packets are out
  // Time alone frees nothing.
  const uint64_t before = loop->epochs();
  const uint64_t end = tsc_now() + small().tsc_hz / 50;
  while (tsc_now() < end) turns();
  EXPECT_LT(loop->epochs(), before + 4);
  put(1);
  turns();
  EXPECT_EQ(dropped(DropCause::no_path), 2U);
  host.answer(first[0], next().with_hops(1));
  host.answer(second[0], next().with_hops(1));
  pass_epochs();
  put(1);
  turns();
  EXPECT_EQ(dropped(DropCause::no_path), 2U);
  EXPECT_EQ(host.take(2).size(), 1U);
  expect_nothing_held = false;
}

TEST_F(DataLoopMembership, APacketInTheMiddleFindsAnotherNf) {
  build({.services = 2, .chains = {{0, 1}}});
  auto& a = add_host(0, 1);
  auto& b = add_host(1, 1);
  auto& c = add_host(2, 1);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, b, 0);
  put(1);
  put(1);
  turns();
  const auto all = a.take(0);
  ASSERT_EQ(all.size(), 2U);
  add_nf(2, 1, c, 0);
  loop->retire_nfs(1, 1);
  a.answer(all[0], next().with_hops(1));
  turns();
  EXPECT_TRUE(b.take(0).empty());
  const auto moved = c.take(0);
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(PathRef{moved[0].word}.hop(), 1U);
  EXPECT_EQ(paths.hop(PathRef{moved[0].word}.unit(), 1).nf(), 0U);
  c.answer(moved[0], next().with_hops(1));
  loop->retire_nfs(2, 1);
  a.answer(all[1], next().with_hops(1));  // and where there is none any more
  turns();
  EXPECT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(dropped(DropCause::no_nf), 1U);
}

TEST_F(DataLoopMembership, ABacklogMovesWithTheNfThatLeaves) {
  two_in_a_row();
  auto& c = add_host(2, 1);
  past_the_first(10);
  EXPECT_EQ(loop->count_owned(1), 4U);
  add_nf(2, 1, c, 0);
  loop->retire_nfs(1, 1);
  turns();
  EXPECT_EQ(loop->count_owned(1), 4U);
  EXPECT_EQ(loop->count_owned(2), 6U);
  EXPECT_TRUE(balanced());
  serve_all();
  EXPECT_EQ(last->sent.size(), 10U);
}

// A packet sent to a service visits that service alone, also where the NF that it waited for has gone.
TEST_F(DataLoopMembership, ABacklogOfPacketsSentToAServiceMovesWithinIt) {
  build({.services = 3, .chains = {{0, 1}}});
  auto& a = add_host(0, 2);
  auto& b = add_host(1, 1, 2);
  auto& c = add_host(2, 1);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, a, 1);
  add_nf(2, 2, b, 0);
  for (uint32_t tag = 0; tag < 10; ++tag) put(1, tag);
  turns();
  for (const Descriptor& d : a.take(0)) a.answer(d, to(2));
  turns();
  EXPECT_EQ(loop->count_owned(1), 4U);
  add_nf(3, 2, c, 0);
  loop->retire_nfs(2, 1);
  turns();
  EXPECT_EQ(loop->count_owned(0), 0U);
  EXPECT_EQ(loop->count_owned(2), 6U);
  serve_all();
  EXPECT_EQ(last->sent.size(), 10U);
}

// While a packet waits in the loop, or goes from host to host, the place of its path is not given to another.
TEST_F(DataLoopMembership, APathLastsAsLongAsAPacketOnIt) {
  auto options = small();
  options.path_units = 8;
  build({.services = 2, .chains = {{0}}, .options = options});
  auto& a = add_host(0, 4);
  auto& b = add_host(1, 1, 2);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, b, 0);
  for (uint32_t tag = 0; tag < 6; ++tag) put(1, tag);
  turns();
  for (const Descriptor& d : a.take(0)) a.answer(d, to(1));  // no flow's path; two wait in the loop
  turns();
  EXPECT_EQ(loop->count_owned(1), 4U);
  for (const Descriptor& d : b.take(0, 4)) b.answer(d, out(1));
  ports[0]->put(1, 9);  // fills the way between
  // The four are back, two have gone on to the host: they were out all the time.
  turns();
  EXPECT_EQ(loop->count_owned(1), 2U);
  const uint64_t end = tsc_now() + small().tsc_hz / 50;
  while (tsc_now() < end) turns();
  for (uint32_t nf = 1; nf < 4; ++nf) {  // new paths, which would take the place if it were free
    loop->retire_nfs(nf == 1 ? 0 : 10 + nf - 1, 1);
    add_nf(10 + nf, 0, a, nf);
    put(1);
    turns();
  }
  const auto waiting = b.take(0);
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(paths.hop(PathRef{waiting[0].word}.unit(), 0).nf(), 0U);
  for (const Descriptor& d : waiting) b.answer(d, next().with_hops(1));
  turns();
  EXPECT_EQ(last->sent.size(), 6U);
}

TEST_F(DataLoopMembership, TheLedgerGivesADeadHostsPacketsBack) {
  settings.set(Setting::sweep_rows, 64);
  build({.services = 2, .chains = {{0, 1}}});
  auto& a = add_host(0, 2);
  auto& b = add_host(1, 1);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, b, 0);
  for (uint32_t i = 0; i < 40; ++i) ports[0]->put(1, i, 1 + i % 3);
  a.region.worker().grants_wanted = 6;
  turns(2);
  const auto all = a.take(0);
  size_t at = 0;
  for (uint32_t packets = 0; packets < 10; ++at) {
    packets += (all[at].flags & Descriptor::kMoreSegments) == 0;
    a.answer(all[at], next().with_hops(1));
  }
  turns();
  EXPECT_GT(loop->count_owned(1), 0U);
  const uint64_t with_a = loop->count_owned(0), with_b = loop->count_owned(1);
  const uint64_t packets_before = held();
  EXPECT_GT(with_a, 6U);
  remove_host(a, {0});
  EXPECT_EQ(loop->count_owned(1), with_b);  // nobody else notices
  EXPECT_EQ(pool->in_use(), with_b);
  EXPECT_EQ(held() + dropped(DropCause::host_died), packets_before);
  EXPECT_GT(dropped(DropCause::host_died), 0U);
  put(1);
  turns();
  EXPECT_EQ(dropped(DropCause::no_nf), 1U);
}

TEST_F(DataLoopMembership, ASweepIsCutIntoTurns) {
  settings.set(Setting::sweep_rows, 64);
  build({});
  auto& host = add_host(0, 1);
  add_nf(0, 0, host, 0);
  put(1);
  turns();
  loop->retire_nfs(0, 1);
  bool swept = false;
  loop->remove_host(0, [&] { swept = true; });
  turns(31);
  EXPECT_FALSE(swept);  // 2,048 rows are 32 times 64
  turns(1);
  EXPECT_TRUE(swept);
  EXPECT_EQ(pool->in_use(), 0U);
  hosts.clear();
}

// A worker links the views of a packet's segments; the next one takes it that they are not linked.
TEST_F(DataLoopMembership, ADeadHostsViewsAreAsNew) {
  build({});
  auto& host = add_host(0, 1);
  add_nf(0, 0, host, 0);
  ports[0]->put(1, 0, 3);
  turns();
  const auto all = host.take(0);
  ASSERT_EQ(all.size(), 3U);
  for (size_t i = 0; i + 1 < all.size(); ++i) packet_view(all[i].handle)->next = packet_view(all[i + 1].handle);
  packet_view(all[2].handle)->priv_size = 0;
  remove_host(host, {0});
  for (const Descriptor& d : all) {
    EXPECT_EQ(packet_view(d.handle)->next, nullptr);
    EXPECT_EQ(packet_view(d.handle)->priv_size, kMetadataBytes);
  }
}

TEST_F(DataLoopMembership, AHostsNumberIsUsedAgain) {
  build({});
  auto* old = &add_host(0, 1);
  add_nf(0, 0, *old, 0);
  for (int i = 0; i < 5; ++i) put(1);
  turns();
  const auto stolen = old->take(0);
  ASSERT_EQ(stolen.size(), 5U);
  remove_host(*old, {0});
  EXPECT_EQ(dropped(DropCause::host_died), 5U);
  loop->forget_nfs(0, 1);
  auto& again = add_host(0, 1, 6, 2);
  add_nf(0, 0, again, 0);
  for (int i = 0; i < 5; ++i) put(1);
  turns();
  EXPECT_EQ(loop->count_owned(0), 5U);
  const auto all = again.take(0);
  ASSERT_EQ(all.size(), 5U);
  for (const Descriptor& d : all) again.answer(d, next().with_hops(1));
  turns();
  EXPECT_EQ(last->sent.size(), 5U);
  again.answer(stolen[0], out(1));  // of its predecessor's time, and long in the pool
  turns();
  EXPECT_EQ(loop->counters().refused.get(), 1U);
}

TEST_F(DataLoopMembership, ParkedAndSpinningHostsAreRemovedAlike) {
  build({});
  for (uint32_t id = 0; id < 6; ++id) add_host(id, 1);
  for (const uint32_t id : {1U, 3U, 4U}) hosts[id]->announce();
  turns(2);
  for (const uint32_t id : {1U, 3U, 4U}) EXPECT_EQ(hosts[id]->state_of_bell(), Doorbell::kParked);
  remove_host(*hosts[3]);
  remove_host(*hosts[2]);
  remove_host(*hosts[0]);
  add_nf(0, 0, *hosts.back(), 0);
  put(1);
  turns();
  EXPECT_EQ(loop->count_owned(5), 1U);
}

// A flow that slept through it all: the NF's number is another NF's by now, elsewhere, perhaps of another service.
TEST_F(DataLoopMembership, AnNfsNumberIsUsedAgain) {
  build({.services = 2, .chains = {{0}, {1}}, .ports = 3});
  auto& a = add_host(0, 2);
  auto& b = add_host(1, 4);
  add_nf(0, 0, a, 1);
  put(1, 1);
  ports[0]->put(2, 1);
  turns();
  serve_all();
  EXPECT_EQ(last->sent.size(), 2U);
  loop->retire_nfs(0, 1);
  put(2, 2);  // this flow notices, and finds none
  turns();
  EXPECT_EQ(dropped(DropCause::no_nf), 1U);
  pass_epochs();
  loop->forget_nfs(0, 1);
  add_nf(0, 1, b, 3);  // the same number for service 1
  add_nf(1, 0, b, 2);
  put(1, 3);
  put(2, 3);
  turns();
  EXPECT_TRUE(b.take(3).empty());
  auto all = b.take(2);
  ASSERT_EQ(all.size(), 2U);
  for (const Descriptor& d : all) {
    EXPECT_EQ(paths.hop(PathRef{d.word}.unit(), 0).nf(), 2U);
    b.answer(d, next().with_hops(1));
  }
  // And the same number in the same service, at another place.
  loop->retire_nfs(1, 1);
  turns();
  pass_epochs();
  loop->forget_nfs(1, 1);
  add_nf(1, 0, a, 0);
  put(1, 4);
  put(3, 4);
  turns();
  all = a.take(0);
  ASSERT_EQ(all.size(), 2U);
  for (const Descriptor& d : all) {
    EXPECT_EQ(paths.hop(PathRef{d.word}.unit(), 0).nf(), 0U);
    a.answer(d, next().with_hops(1));
  }
}

TEST_F(DataLoopMembership, WorkPostedIsDoneBetweenTurns) {
  build({});
  int done = 0;
  loop->post([&] { ++done; });
  EXPECT_EQ(done, 0);
  turns();
  EXPECT_EQ(done, 1);
  loop->pause_receiving(true);
  put(1);
  turns();
  EXPECT_EQ(loop->counters().received.get(), 0U);
  loop->pause_receiving(false);
  turns();
  EXPECT_EQ(loop->counters().received.get(), 1U);
}

// A stop that failed: whoever was retired takes packets again, those of the flows that it had as well as new ones.
TEST_F(DataLoopMembership, RetiredNfsCanBeRestored) {
  build({});
  test::FakeHost& host = add_host(0, 2);
  add_nf(0, 0, host, 0);
  put(1);
  turns();
  serve_all();
  ASSERT_EQ(last->sent.size(), 1U);
  loop->retire_nfs(0, 1);
  put(1);
  turns();
  EXPECT_EQ(dropped(DropCause::no_nf), 1U);
  loop->restore_nfs(0, 1);
  loop->restore_nfs(0, 1);  // who is there stays as it is
  for (uint32_t flow = 1; flow <= 3; ++flow) put(flow);
  turns();
  serve_all();
  EXPECT_EQ(last->sent.size(), 4U);
  EXPECT_EQ(loop->nf_delivered(0), 4U);
}

}  // namespace
}  // namespace roost
