// SPDX-License-Identifier: BSD-3-Clause
// Packets that go from one data loop to another: none is lost, none overtakes another of its flow, and the books of
// each loop, and of both, balance at any moment.
#include "tests/scheduler/linked_loops.h"

namespace roost {
namespace {

using test::FakeHost;
using HandOvers = test::LinkedLoops;

TEST_F(HandOvers, AChainCrossesFromLoopToLoopAndOutOfTheOthersPort) {
  build({{0, 1, 2}}, 3, 256);
  const FakeHost& here = add_host(0, 1);
  const FakeHost& there = add_host(1, 2);
  add_nf(0, 0, there, 0);
  add_nf(1, 1, here, 0);
  add_nf(2, 2, there, 1);
  constexpr uint32_t kFlows = 20, kRounds = 40;
  for (uint32_t round = 0; round < kRounds; ++round) {
    for (uint32_t flow = 0; flow < kFlows; ++flow) ports[0]->put(flow, round);
    turns();
    expect_balanced();
    serve(round % 2);
  }
  serve_all();
  EXPECT_EQ(sent_in_order(3), kFlows * kRounds);
  // To the first NF, back to this loop's, and over once more.
  EXPECT_EQ(count(0, &LoopCounters::handed_over), 2U * kFlows * kRounds);
  EXPECT_EQ(count(1, &LoopCounters::handed_over), 1U * kFlows * kRounds);
  EXPECT_EQ(loops[1]->flows(), 0U);  // flows are pinned where they came in
  EXPECT_EQ(loops[1]->nf_delivered(0), kFlows * kRounds);
  EXPECT_EQ(loops[0]->nf_delivered(0), 0U);
}

TEST_F(HandOvers, HopsOfOneHostAreStillOneRun) {
  build({{0, 1, 2}}, 2);
  const FakeHost& there = add_host(1, 2);
  for (uint16_t nf = 0; nf < 3; ++nf) add_nf(nf, nf, there, nf);
  for (uint32_t tag = 0; tag < 30; ++tag) ports[0]->put(7, tag);
  serve_all();
  EXPECT_EQ(sent_in_order(2), 30U);
  EXPECT_EQ(loops[1]->nf_delivered(0), 30U);
  EXPECT_EQ(loops[1]->nf_delivered(1), 0U);  // its worker takes it there by itself
  EXPECT_EQ(count(1, &LoopCounters::handed_over), 30U);
}

TEST_F(HandOvers, AFullRingRefusesAtTheEntryAndIsCounted) {
  build({{0}}, 3, 64);
  add_nf(0, 0, add_host(1, 2), 0);
  constexpr uint32_t kPackets = 100, kTaken = 63 - 64 / 4;  // the last quarter is for packets in the middle of chains
  for (uint32_t tag = 0; tag < kPackets; ++tag) ports[0]->put(1, tag);
  for (int i = 0; i < 4; ++i) loops[0]->turn();
  expect_balanced();
  EXPECT_EQ(count(0, &LoopCounters::handed_over), kTaken);
  EXPECT_EQ(dropped(0, DropCause::loop_full, true), kPackets - kTaken);
  EXPECT_EQ(dropped(0, DropCause::loop_full), kPackets - kTaken);
  serve_all();
  EXPECT_EQ(sent_in_order(3), kTaken);
  for (uint32_t tag = 0; tag < 10; ++tag) ports[0]->put(1, kPackets + tag);
  serve_all();
  EXPECT_EQ(sent_in_order(3), kTaken + 10);
}

TEST_F(HandOvers, InTheMiddleOfItsChainAPacketWaitsForRoomAndTheEntryIsClosed) {
  build({{0, 1}}, 3, 64);
  const FakeHost& here = add_host(0, 1);
  add_nf(0, 0, here, 0);
  add_nf(1, 1, add_host(1, 2), 0);
  constexpr uint32_t kPackets = 90;
  for (uint32_t tag = 0; tag < kPackets; ++tag) ports[0]->put(1, tag);
  loops[0]->turn();
  loops[0]->turn();
  EXPECT_EQ(serve(0), kPackets);
  loops[0]->turn();
  EXPECT_EQ(count(0, &LoopCounters::handed_over), 63U);  // all of the ring; the others wait
  EXPECT_EQ(loops[0]->books().held, kPackets - 63);
  expect_balanced();
  ports[0]->put(1, kPackets);
  ports[0]->put(2, kPackets);
  loops[0]->turn();
  EXPECT_EQ(dropped(0, DropCause::backpressure, true), 2U);
  expect_balanced();
  serve_all();
  EXPECT_EQ(sent_in_order(3), kPackets);  // and in order
  ports[0]->put(1, kPackets + 1);
  serve_all();
  EXPECT_EQ(sent_in_order(3), kPackets + 1);
}

TEST_F(HandOvers, ABacklogAtOneLoopClosesTheEntryAtTheOther) {
  build({{0, 1}, {2}}, 3, 256);
  add_nf(0, 0, add_host(0, 1), 0);
  add_nf(1, 1, add_host(1, 2, 4, 3), 0);  // an inbox of 8
  for (uint32_t tag = 0; tag < 40; ++tag) ports[0]->put(1, tag);
  turns(2);
  EXPECT_EQ(serve(0), 40U);
  turns(2);
  EXPECT_EQ(loops[1]->books().held, 40U);  // 8 in the inbox, the others in the NF's list
  for (uint32_t tag = 40; tag < 45; ++tag) ports[0]->put(1, tag);
  turns();
  EXPECT_EQ(dropped(0, DropCause::backpressure, true), 5U);
  serve_all();
  EXPECT_EQ(sent_in_order(3), 40U);
  for (uint32_t tag = 45; tag < 50; ++tag) ports[0]->put(1, tag);
  serve_all();
  EXPECT_EQ(sent_in_order(3), 45U);
}

TEST_F(HandOvers, AtTheEntryTheOtherLoopRefusesAsItsOwnWouldBe) {
  build({{0}}, 2, 256);
  add_nf(0, 0, add_host(1, 2, 4, 3), 0);
  for (uint32_t tag = 0; tag < 20; ++tag) ports[0]->put(1, tag);
  turns(2);
  EXPECT_EQ(dropped(1, DropCause::inbox_full, true), 12U);
  EXPECT_EQ(dropped(1, DropCause::inbox_full), 12U);
  serve_all();
  EXPECT_EQ(sent_in_order(2), 8U);
}

TEST_F(HandOvers, WhatWasOnItsWayToAnNfThatIsGoneFindsAnotherWhereverThatIs) {
  build({{0, 1}}, 2, 256);
  const FakeHost& here = add_host(0, 1);
  add_nf(0, 0, here, 0);
  add_nf(1, 1, add_host(1, 2), 0);
  for (uint32_t flow = 0; flow < 10; ++flow) ports[0]->put(flow, 1);
  turns();
  EXPECT_EQ(serve(0), 10U);
  loops[0]->turn();  // now they are in the ring
  EXPECT_EQ(count(0, &LoopCounters::handed_over), 10U);
  add_nf(2, 1, here, 1);
  retire(1);
  serve_all();
  EXPECT_EQ(sent_in_order(2), 10U);
  EXPECT_EQ(loops[0]->nf_delivered(2), 10U);
  EXPECT_EQ(count(1, &LoopCounters::handed_over), 10U);  // back
}

TEST_F(HandOvers, WhereNoNfIsLeftItIsDroppedAndCounted) {
  build({{0}}, 2, 256);
  add_nf(0, 0, add_host(1, 2), 0);
  for (uint32_t flow = 0; flow < 10; ++flow) ports[0]->put(flow, 1);
  loops[0]->turn();
  retire(0);
  turns();
  EXPECT_EQ(dropped(1, DropCause::no_nf, true), 10U);
  expect_balanced();
}

TEST_F(HandOvers, AnNfNumberThatIsUsedAgainIsNotTakenForTheOneThatHadIt) {
  build({{0}, {1}}, 2, 256);
  const FakeHost& there = add_host(1, 2);
  add_nf(0, 0, there, 0);
  for (uint32_t flow = 0; flow < 10; ++flow) ports[0]->put(flow, 1);
  loops[0]->turn();
  retire(0);
  for (auto& loop : loops) loop->forget_nfs(0, 1);
  add_nf(0, 1, there, 1);  // the same number, in another service
  serve_all();
  EXPECT_EQ(sent_in_order(2), 0U);
  EXPECT_EQ(dropped(1, DropCause::no_nf, true), 10U);
}

TEST_F(HandOvers, AHostThatDiesGivesBackWhatOtherLoopsHadSentIt) {
  build({{0, 1}}, 3, 256);
  add_nf(0, 0, add_host(0, 1), 0);
  add_nf(1, 1, add_host(1, 2), 0);
  for (uint32_t tag = 0; tag < 40; ++tag) ports[0]->put(tag % 4, tag);
  turns();
  EXPECT_EQ(serve(0), 40U);
  turns(2);
  EXPECT_EQ(loops[1]->owned(2), 40U);
  retire(1);
  remove_host(2);
  expect_balanced();
  EXPECT_EQ(dropped(1, DropCause::host_died), 40U);
}

TEST_F(HandOvers, APathIsNotUsedAgainWhileAPacketOfItIsInARing) {
  build({{0}}, 2, 256);
  add_nf(0, 0, add_host(1, 2), 0);
  ports[0]->put(1, 1);
  loops[0]->turn();
  const uint64_t from = loops[0]->epochs();
  const uint64_t until = tsc_now() + measure_tsc_hz() / 20;
  while (tsc_now() < until) loops[0]->turn();
  EXPECT_LE(loops[0]->epochs(), from + 4);  // the packet's epoch can't end
  turns(2);
  const uint64_t later = tsc_now() + measure_tsc_hz();
  while (loops[0]->epochs() < from + 8 && tsc_now() < later) loops[0]->turn();
  EXPECT_GE(loops[0]->epochs(), from + 8);
}

TEST_F(HandOvers, PacketsOfSeveralSegmentsGoWhole) {
  build({{0, 1}}, 3, 256);
  add_nf(0, 0, add_host(1, 2), 0);
  add_nf(1, 1, add_host(0, 1), 0);
  for (uint32_t tag = 0; tag < 5; ++tag) ports[0]->put(1, tag, 3);
  serve_all();
  ASSERT_EQ(sent_in_order(3), 5U);
  for (const auto& each : ports[3]->sent) {
    EXPECT_EQ(each.segments, 3U);
    EXPECT_EQ(each.bytes, 3 * test::kFrameBytes);
  }
}

TEST_F(HandOvers, AnNfSendsToAServiceOfAnotherLoopAndOutOfItsPort) {
  build({{0}}, 2, 256);
  FakeHost& here = add_host(0, 1);
  FakeHost& there = add_host(1, 2);
  add_nf(0, 0, here, 0);
  add_nf(1, 3, there, 0);
  for (uint32_t tag = 0; tag < 6; ++tag) ports[0]->put(1, tag);
  turns();
  uint32_t taken = 0;
  for (const Descriptor& d : here.take(0)) here.answer(d, ++taken <= 3 ? to(3) : out(3));
  EXPECT_EQ(taken, 6U);
  turns(2);
  EXPECT_EQ(ports[3]->sent.size(), 3U);
  const auto came = there.take(0);
  EXPECT_EQ(came.size(), 3U);
  for (const Descriptor& d : came) there.answer(d, out(3));
  turns(2);
  EXPECT_EQ(ports[3]->sent.size(), 6U);
}

TEST_F(HandOvers, APortOfAnotherLoopThatCannotBeReachedDropsAndNeverBlocks) {
  build({{0}}, 3, 64);
  add_nf(0, 0, add_host(0, 1), 0);
  for (uint32_t tag = 0; tag < 100; ++tag) ports[0]->put(1, tag);
  loops[0]->turn();
  loops[0]->turn();
  EXPECT_EQ(serve(0), 100U);
  loops[0]->turn();
  EXPECT_EQ(dropped(0, DropCause::loop_full), 100U - 63);
  EXPECT_EQ(dropped(0, DropCause::loop_full, true), 0U);
  serve_all();
  EXPECT_EQ(sent_in_order(3), 63U);
}

TEST_F(HandOvers, BothWaysAtOnceNoneWaitsForTheOther) {
  build({{0, 1}, {1, 0}}, 2, 64);
  add_nf(0, 0, add_host(0, 1), 0);
  add_nf(1, 1, add_host(1, 2), 0);
  for (uint32_t round = 0; round < 200; ++round) {
    for (uint32_t flow = 0; flow < 30; ++flow) {
      ports[0]->put(flow, round);
      ports[1]->put(100 + flow, round);
    }
    turns();
    expect_balanced();
    if (round % 3 == 0) serve(0);
    if (round % 5 == 0) serve(1);
  }
  serve_all();
  EXPECT_GT(sent_in_order(2), 1'000U);
}

}  // namespace
}  // namespace roost
