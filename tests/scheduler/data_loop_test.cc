// SPDX-License-Identifier: BSD-3-Clause
// The way of packets through the loop: classified, delivered, collected, sent.
#include "scheduler/data_loop.h"

#include <gtest/gtest.h>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopTest : public test::LoopTest {
 protected:
  static uint32_t hash_of(uint32_t flow, uint16_t port = 0) {
    uint8_t frame[test::kFrameBytes];
    test::write_frame(frame, flow, 0);
    return FlowTable::hash(flow_key(frame, sizeof frame, port));
  }
  // The only packet that waits for this NF.
  static Descriptor only(test::FakeHost& host, uint32_t nf) {
    const auto all = host.take(nf);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Descriptor{} : all[0];
  }
};

TEST_F(DataLoopTest, DeliversToTheNfThatTheHashPicks) {
  build({});
  auto& host = add_host(0, 8);
  ConsistentHash members;
  for (uint32_t nf = 0; nf < 8; ++nf) {
    add_nf(100 + nf, 0, host, nf);
    members.add(100 + nf);
  }
  for (uint32_t flow = 0; flow < 200; ++flow)
    for (const uint32_t tag : {0U, 1U}) put(flow, tag);
  turns(13);
  EXPECT_EQ(loop->counters().received.get(), 400U);
  EXPECT_EQ(loop->flows(), 200U);
  EXPECT_EQ(held(), 400U);
  EXPECT_TRUE(balanced());
  EXPECT_EQ(host.ready_nfs().size(), 8U);
  EXPECT_EQ(host.region.worker().orders.delivered.load(), 400U);
  std::vector<uint32_t> seen(200);
  for (uint32_t nf = 0; nf < 8; ++nf) {
    const auto all = host.take(nf);
    EXPECT_EQ(all.size(), loop->nf_delivered(100 + nf));
    EXPECT_GT(all.size(), 0U);
    for (const Descriptor& d : all) {
      uint32_t flow, tag;
      std::memcpy(&flow, packet_buffer(d.handle) + d.data_offset + test::kFlowAt, 4);
      std::memcpy(&tag, packet_buffer(d.handle) + d.data_offset + test::kTagAt, 4);
      ASSERT_LT(flow, 200U);
      EXPECT_EQ(members.pick(hash_of(flow)), 100 + nf);
      EXPECT_EQ(tag, seen[flow]++);  // in order
      EXPECT_EQ(d.data_offset, kHeadroomBytes);
      EXPECT_EQ(d.data_bytes, test::kFrameBytes);
      EXPECT_EQ(d.port, 0U);
      EXPECT_EQ(d.flags, Descriptor::kLastHop);
      EXPECT_EQ(PathRef{d.word}.hop(), 0U);
      EXPECT_EQ(paths.hop(PathRef{d.word}.unit(), 0).nf(), nf);
      EXPECT_TRUE(paths.hop(PathRef{d.word}.unit(), 0).run_ends());
      host.answer(d, next().with_hops(1));
    }
  }
  turns(8);
  EXPECT_EQ(last->sent.size(), 400U);
  EXPECT_EQ(loop->counters().transmitted.get(), 400U);
  EXPECT_EQ(loop->latency().count(), 400U);
  EXPECT_EQ(loop->paths(), 8U);
}

TEST_F(DataLoopTest, EveryVerdict) {
  build({.services = 2, .chains = {{0}}, .ports = 3});
  auto& host = add_host(0, 2);
  add_nf(0, 0, host, 0);
  add_nf(1, 1, host, 1);
  for (uint32_t tag = 0; tag < 4; ++tag) put(7, tag);
  turns();
  const auto all = host.take(0);
  ASSERT_EQ(all.size(), 4U);
  host.answer(all[0], next().with_hops(1));
  host.answer(all[1], out(1));
  host.answer(all[2], to(1));
  host.answer(all[3], drop());
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].tag, 0U);
  ASSERT_EQ(ports[1]->sent.size(), 1U);
  EXPECT_EQ(ports[1]->sent[0].tag, 1U);
  EXPECT_EQ(dropped(DropCause::by_nf), 1U);
  EXPECT_EQ(held(), 1U);
  const Descriptor d = only(host, 1);
  EXPECT_EQ(d.handle, all[2].handle);
  EXPECT_EQ(d.flags, Descriptor::kLastHop);
  EXPECT_EQ(paths.hop(PathRef{d.word}.unit(), 0).nf(), 1U);
  host.answer(d, next().with_hops(1));  // then out of the chain's port
  turns();
  ASSERT_EQ(last->sent.size(), 2U);
  EXPECT_EQ(last->sent[1].tag, 2U);
  EXPECT_EQ(loop->counters().breaches.get(), 0U);
  EXPECT_EQ(loop->counters().refused.get(), 0U);
}

TEST_F(DataLoopTest, WhereThereIsNoWay) {
  build({.services = 2, .chains = {{0}, {1}}, .ports = 3});  // service 1 has no NF, port 2 no chain
  auto& host = add_host(0, 2);
  add_nf(0, 0, host, 0);
  ports[1]->put(1);
  ports[2]->put(1);
  for (int i = 0; i < 3; ++i) put(1);
  turns();
  EXPECT_EQ(dropped(DropCause::no_nf), 1U);
  EXPECT_EQ(dropped(DropCause::no_chain), 1U);
  const auto all = host.take(0);
  ASSERT_EQ(all.size(), 3U);
  host.answer(all[0], out(3));
  host.answer(all[1], to(2));
  host.answer(all[2], to(1));
  turns();
  EXPECT_EQ(dropped(DropCause::bad_port), 1U);
  EXPECT_EQ(dropped(DropCause::bad_service), 1U);
  EXPECT_EQ(dropped(DropCause::no_nf), 2U);
  EXPECT_EQ(held(), 0U);
  // The service comes: the flow that found none is served.
  add_nf(1, 1, host, 1);
  ports[1]->put(1);
  turns();
  EXPECT_EQ(dropped(DropCause::no_nf), 2U);
  EXPECT_EQ(held(), 1U);
}

TEST_F(DataLoopTest, ARunOfHopsInOneHostAndItsPrefixes) {
  build({.services = 3, .chains = {{0, 1, 2}}});
  auto& host = add_host(0, 3);
  for (uint16_t i = 0; i < 3; ++i) add_nf(10 + i, i, host, i);
  for (uint32_t tag = 0; tag < 3; ++tag) put(1, tag);
  turns();
  const auto all = host.take(0);
  ASSERT_EQ(all.size(), 3U);
  for (uint32_t hop = 0; hop < 3; ++hop) {
    EXPECT_EQ(paths.hop(PathRef{all[0].word}.unit(), hop).nf(), hop);
    EXPECT_EQ(paths.hop(PathRef{all[0].word}.unit(), hop).run_ends(), hop == 2);
  }
  EXPECT_EQ(all[0].flags & Descriptor::kLastHop, 0);
  host.answer(all[0], next().with_hops(3));
  host.answer(all[1], next().with_hops(1));
  host.answer(all[2], next().with_hops(2));
  turns();
  ASSERT_EQ(last->sent.size(), 1U);
  EXPECT_EQ(last->sent[0].tag, 0U);
  const Descriptor second = only(host, 1);
  EXPECT_EQ(second.handle, all[1].handle);
  EXPECT_EQ(PathRef{second.word}.hop(), 1U);
  EXPECT_EQ(second.flags & Descriptor::kLastHop, 0);
  const Descriptor third = only(host, 2);
  EXPECT_EQ(third.handle, all[2].handle);
  EXPECT_EQ(PathRef{third.word}.hop(), 2U);
  EXPECT_NE(third.flags & Descriptor::kLastHop, 0);
  host.answer(second, next().with_hops(2));
  host.answer(third, next().with_hops(1));
  turns();
  ASSERT_EQ(last->sent.size(), 3U);
  EXPECT_EQ(last->sent[1].tag, 1U);
  EXPECT_EQ(last->sent[2].tag, 2U);
}

TEST_F(DataLoopTest, RunsEndWhereTheHostChanges) {
  build({.services = 4, .chains = {{0, 1, 2, 3}}});
  auto& a = add_host(3, 3);
  auto& b = add_host(5, 1);
  add_nf(0, 0, a, 0);
  add_nf(1, 1, a, 1);
  add_nf(2, 2, b, 0);
  add_nf(3, 3, a, 2);
  for (uint32_t tag = 0; tag < 20; ++tag) put(9, tag);
  turns();
  for (const Descriptor& d : a.take(0)) a.answer(d, next().with_hops(2));
  EXPECT_EQ(loop->count_owned(3), 20U);
  turns();
  EXPECT_EQ(loop->count_owned(3), 0U);
  EXPECT_EQ(loop->count_owned(5), 20U);
  const auto middle = b.take(0);
  ASSERT_EQ(middle.size(), 20U);
  EXPECT_EQ(PathRef{middle[0].word}.hop(), 2U);
  EXPECT_NE(middle[0].flags & Descriptor::kLastHop, 0);
  for (const Descriptor& d : middle) b.answer(d, next().with_hops(1));
  turns();
  for (const Descriptor& d : a.take(2)) a.answer(d, next().with_hops(1));
  turns();
  ASSERT_EQ(last->sent.size(), 20U);
  for (uint32_t tag = 0; tag < 20; ++tag) EXPECT_EQ(last->sent[tag].tag, tag);
  EXPECT_EQ(held(), 0U);
}

TEST_F(DataLoopTest, AFullInboxRefusesAtTheEntry) {
  build({});
  auto& host = add_host(0, 1, 3);
  add_nf(0, 0, host, 0);
  for (uint32_t tag = 0; tag < 20; ++tag) put(1, tag);
  turns();
  EXPECT_EQ(dropped(DropCause::inbox_full), 12U);
  EXPECT_EQ(held(), 8U);
  EXPECT_TRUE(balanced());
  auto all = host.take(0, 5);
  for (const Descriptor& d : all) host.answer(d, next().with_hops(1));
  for (uint32_t tag = 20; tag < 30; ++tag) put(1, tag);
  turns();
  EXPECT_EQ(dropped(DropCause::inbox_full), 17U);
  serve_all();
  ASSERT_EQ(last->sent.size(), 13U);
  for (uint32_t i = 0; i < 13; ++i) EXPECT_EQ(last->sent[i].tag, i < 8 ? i : i + 12);
}

TEST_F(DataLoopTest, APortThatTakesNoMore) {
  build({});
  auto& host = add_host(0, 1);
  add_nf(0, 0, host, 0);
  last->room = 3;
  for (uint32_t tag = 0; tag < 5; ++tag) put(1, tag);
  turns();
  serve_all();
  EXPECT_EQ(last->sent.size(), 3U);
  EXPECT_EQ(dropped(DropCause::transmit_full), 2U);
}

TEST_F(DataLoopTest, AFullFlowTableStillRoutes) {
  auto options = small();
  options.flows4_max = 8;
  options.path_units = 64;
  build({.options = options});
  auto& host = add_host(0, 4);
  ConsistentHash members;
  for (uint32_t nf = 0; nf < 4; ++nf) {
    add_nf(nf, 0, host, nf);
    members.add(nf);
  }
  for (uint32_t round = 0; round < 10; ++round) {
    for (uint32_t flow = 0; flow < 32; ++flow) put(flow);
    turns();
    for (uint32_t nf = 0; nf < 4; ++nf)
      for (const Descriptor& d : host.take(nf)) {
        uint32_t flow;
        std::memcpy(&flow, packet_buffer(d.handle) + d.data_offset + test::kFlowAt, 4);
        EXPECT_EQ(members.pick(hash_of(flow)), nf);
        host.answer(d, next().with_hops(1));
      }
    turns();
  }
  EXPECT_EQ(last->sent.size(), 320U);
  EXPECT_EQ(loop->counters().flows_unpinned.get(), 240U);
  EXPECT_EQ(loop->flows(), 8U);
  EXPECT_LE(loop->paths(), 4U);
}

// Nobody counts the path of a flow without a place in the table but its packets: it lasts as long as they are out,
// also where they have gone on to another host since.
TEST_F(DataLoopTest, APathLastsAsLongAsThePacketsOnIt) {
  auto options = small();
  options.flows4_max = 8;
  build({.services = 3, .chains = {{0, 1}, {2}}, .ports = 3, .options = options});
  auto& a = add_host(0, 5);
  auto& b = add_host(1, 4);
  ConsistentHash members;
  for (uint32_t nf = 0; nf < 4; ++nf) {
    add_nf(nf, 0, a, nf);
    add_nf(10 + nf, 1, b, nf);
    members.add(nf);
  }
  add_nf(20, 2, a, 4);
  for (uint32_t flow = 0; flow < 8; ++flow) ports[1]->put(flow);  // the table is full
  turns();
  serve_all();
  uint32_t flow_of[4] = {};
  for (uint32_t flow = 1; flow < 100; ++flow) flow_of[members.pick(hash_of(flow))] = flow;
  put(flow_of[0]);
  turns();
  const Descriptor first = only(a, 0);
  put(flow_of[1]);  // takes the other's place of this batch, whose path is nobody's now
  turns();
  a.answer(only(a, 1), drop());
  const uint64_t later = loop->epochs() + 2;
  EXPECT_TRUE(turn_until([&] { return loop->epochs() >= later; }));
  a.answer(first, next().with_hops(1));
  const uint64_t end = tsc_now() + small().tsc_hz / 50;
  while (tsc_now() < end) turns();
  for (const uint32_t nf : {2U, 3U}) {  // new paths, which would take the place if it were free
    put(flow_of[nf]);
    turns();
    a.answer(only(a, nf), drop());
  }
  Descriptor second;
  for (uint32_t nf = 0; nf < 4; ++nf)
    for (const Descriptor& d : b.take(nf)) {
      second = d;
      EXPECT_EQ(paths.hop(PathRef{d.word}.unit(), 1).nf(), nf);
    }
  ASSERT_EQ(second.handle, first.handle);
  b.answer(second, next().with_hops(1));
}

TEST_F(DataLoopTest, AFullPathTableRefusesAndSaysSo) {
  auto options = small();
  options.path_units = 4;
  build({.options = options});
  auto& host = add_host(0, 32);
  for (uint32_t nf = 0; nf < 32; ++nf) add_nf(nf, 0, host, nf);
  for (uint32_t flow = 0; flow < 200; ++flow) put(flow);
  turns(7);
  EXPECT_EQ(loop->paths(), 4U);
  EXPECT_GT(dropped(DropCause::no_path), 0U);
  EXPECT_GT(held(), 0U);
  EXPECT_EQ(dropped(DropCause::no_path) + held(), 200U);
}

TEST_F(DataLoopTest, IdleFlowsAreForgottenWithTheirPaths) {
  settings.set(Setting::flow_idle_s, 1);
  settings.set(Setting::sweep_rows, 1 << 20);
  build({});
  auto& host = add_host(0, 1);
  add_nf(0, 0, host, 0);
  put(1);
  turns();
  EXPECT_EQ(loop->flows(), 1U);
  const uint64_t end = tsc_now() + 4 * small().tsc_hz;
  while (loop->flows() != 0 && tsc_now() < end) {
    usleep(2'000);
    turns();
  }
  EXPECT_EQ(loop->flows(), 0U);
  EXPECT_EQ(loop->paths(), 0U);
  EXPECT_EQ(loop->counters().flows_idle.get(), 1U);
  EXPECT_EQ(held(), 1U);
}

}  // namespace
}  // namespace roost
