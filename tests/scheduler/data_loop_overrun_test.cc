// SPDX-License-Identifier: BSD-3-Clause
// The watchdog: which dispatches are told of, and what becomes of the NF's packets.
#include <gtest/gtest.h>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

using Kind = Overrun::Kind;

class DataLoopOverrun : public test::LoopTest {
 protected:
  // A host with so many NFs of one service, whose worker is between two dispatches.
  test::FakeHost& start(uint32_t nfs, CpuAccount::Meter ran = {}) {
    build({});
    settings.set(Setting::overrun_us, 4'000);
    loop->on_overrun([this](const Overrun& overrun) { told.push_back(overrun); });
    auto& host = *hosts.emplace_back(std::make_unique<test::FakeHost>(0, nfs, 6));
    auto state = host.state();
    state->cpu.set_meter(std::move(ran));
    loop->add_host(std::move(state));
    report(host).current_nf = UINT32_MAX;
    for (uint32_t nf = 0; nf < nfs; ++nf) add_nf(nf, 0, host, nf);
    return host;
  }
  static WorkerReport& report(test::FakeHost& host) { return host.region.worker().report; }
  // For many times overrun_us.
  void go_on() {
    const uint64_t end = tsc_now() + small().tsc_hz / 20;
    while (tsc_now() < end) turns();
  }
  // Packets that wait for this NF, and for others, are answered.
  size_t served_by(uint32_t nf) {
    size_t count = 0;
    for (uint32_t each = 0; each < 2; ++each)
      for (const Descriptor& d : hosts[0]->take(each)) {
        hosts[0]->answer(d, next().with_hops(1));
        count += each == nf;
      }
    turns();
    return count;
  }
  // NF 1: its host is asked to go on without a dispatch of it, which ends.
  void asked_and_gone(test::FakeHost& host) {
    report(host).current_nf = 1;
    loop->quarantine_nf(1, report(host).dispatches);
    go_on();
    told.clear();
    ++report(host).dispatches;
    report(host).current_nf = UINT32_MAX;
    loop->retire_nfs(1, 1);
    loop->forget_nfs(1, 1);
  }
  std::vector<Overrun> told;
};

TEST_F(DataLoopOverrun, IsToldOnceOfEachDispatch) {
  auto& host = start(4);
  go_on();
  EXPECT_TRUE(told.empty()) << "nothing is dispatched";
  report(host).current_nf = 3;
  report(host).dispatches = 17;
  ASSERT_TRUE(turn_until([&] { return !told.empty(); }));
  go_on();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::seen);
  EXPECT_EQ(told[0].host, 0U);
  EXPECT_EQ(told[0].nf, 3U);
  EXPECT_EQ(told[0].dispatches, 17U);
  report(host).dispatches = 18;
  ASSERT_TRUE(turn_until([&] { return told.size() == 2; }));
  EXPECT_EQ(told[1].dispatches, 18U);
}

TEST_F(DataLoopOverrun, NotWhereDispatchesEndOrItIsOffOrTheNfCannotBe) {
  auto& host = start(4);
  report(host).current_nf = 3;
  const uint64_t end = tsc_now() + small().tsc_hz / 20;
  while (tsc_now() < end) {
    ++report(host).dispatches;
    turns();
  }
  EXPECT_TRUE(told.empty());
  settings.set(Setting::overrun_us, 0);
  go_on();
  EXPECT_TRUE(told.empty());
  settings.set(Setting::overrun_us, 4'000);
  report(host).current_nf = 4'000'000;  // as no honest host does
  go_on();
  EXPECT_TRUE(told.empty());
}

// One that has not had the processor may be told of again and again, since it may also be blocked; once it has, no
// more.
TEST_F(DataLoopOverrun, SaysWhetherTheProcessHasRunMeanwhile) {
  uint64_t used = 0;
  auto& host = start(4, [&] { return used; });
  report(host).current_nf = 3;
  ASSERT_TRUE(turn_until([&] { return told.size() >= 3; }));
  for (const Overrun& each : told) EXPECT_FALSE(each.ran);
  used = small().tsc_hz;
  const size_t before = told.size();
  ASSERT_TRUE(turn_until([&] { return told.size() > before; }));
  EXPECT_TRUE(told.back().ran);
  go_on();
  EXPECT_EQ(told.size(), before + 1);
}

TEST_F(DataLoopOverrun, AQuarantinedNfGetsNothingAndWhatItHadIsCounted) {
  auto& host = start(2);
  for (uint32_t flow = 0; flow < 40; ++flow) put(flow);
  turns(2);
  const auto had = host.take(1);
  ASSERT_FALSE(had.empty());
  report(host).current_nf = 1;
  loop->quarantine_nf(1, 0);
  for (uint32_t flow = 0; flow < 40; ++flow) put(flow);
  turns(2);
  EXPECT_TRUE(host.take(1).empty());
  for (size_t i = 0; i < had.size(); ++i) host.answer(had[i], i == 0 ? next().with_hops(1) : drop().with_hops(0));
  turns(2);
  EXPECT_EQ(dropped(DropCause::quarantined), had.size() - 1);
  EXPECT_EQ(dropped(DropCause::by_nf), 0U);
  EXPECT_EQ(last->sent.size(), 1U);
  serve_all();
  EXPECT_TRUE(balanced());

  loop->retire_nfs(1, 1);  // as a stop that fails
  loop->restore_nfs(1, 1);
  for (uint32_t flow = 100; flow < 140; ++flow) put(flow);
  turns(2);
  EXPECT_TRUE(host.take(1).empty());
  serve_all();
  loop->release_nf(1);
  for (uint32_t flow = 200; flow < 240; ++flow) put(flow);
  turns(2);
  const auto again = host.take(1);
  EXPECT_FALSE(again.empty());
  for (const Descriptor& d : again) host.answer(d, next().with_hops(1));
}

// The control thread may hear of two dispatches before it asks for the first, and then not ask for the second.
TEST_F(DataLoopOverrun, ADispatchThatWasToldOfTooEarlyIsToldOfAgain) {
  auto& host = start(2);
  report(host).current_nf = 1;
  const uint64_t first = report(host).dispatches;
  go_on();
  ++report(host).dispatches;  // it has ended, and the next one does not
  go_on();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().dispatches, first + 1);
  told.clear();
  loop->quarantine_nf(1, first);
  const auto is_told = [&](Kind kind) { return turn_until([&] { return !told.empty() && told.back().kind == kind; }); };
  EXPECT_TRUE(is_told(Kind::ended));
  loop->release_nf(1);
  EXPECT_TRUE(is_told(Kind::seen));
  EXPECT_EQ(told.back().dispatches, first + 1);
}

TEST_F(DataLoopOverrun, TellsWhatBecameOfIt) {
  auto& host = start(4);
  const auto becomes = [&](uint32_t nf, NfRecordState state, Kind kind) {
    report(host).current_nf = nf;
    loop->quarantine_nf(nf, report(host).dispatches);
    go_on();
    std::erase_if(told, [](const auto& each) { return each.kind == Kind::seen; });
    EXPECT_TRUE(told.empty()) << "it is still there";
    host.region.nf(nf).state = state;
    ++report(host).dispatches;
    report(host).current_nf = UINT32_MAX;
    const auto is_told = [&] { return !told.empty() && told.back().kind == kind && told.back().nf == nf; };
    EXPECT_TRUE(turn_until(is_told));
    told.clear();
  };
  becomes(2, kNfRunaway, Kind::taken);
  becomes(1, kNfReady, Kind::ended);
  becomes(3, kNfQuarantined, Kind::taken);
}

// Its dispatch has ended, and it is stopped before the loop looks again.
TEST_F(DataLoopOverrun, OfAnNfThatHasGoneNothingIsTold) {
  auto& host = start(2);
  asked_and_gone(host);
  go_on();
  EXPECT_TRUE(told.empty());
}

TEST_F(DataLoopOverrun, AnNfThatHasItsNumberIsNotTakenForIt) {
  auto& host = start(4);
  host.region.nf(3).state = kNfQuarantined;  // who lives there was not asked for
  asked_and_gone(host);
  auto& other = *hosts.emplace_back(std::make_unique<test::FakeHost>(1, 4, 6));
  loop->add_host(other.state());
  report(other).current_nf = UINT32_MAX;
  add_nf(1, 0, other, 3);
  go_on();
  EXPECT_TRUE(told.empty());
}

// Suspected, it is to be stopped; and comes back from process() before that is done.
TEST_F(DataLoopOverrun, AnNfThatLeavesIsNotReleasedIntoItsService) {
  start(2);
  loop->quarantine_nf(1, 17);
  loop->retire_nfs(1, 1);
  loop->release_nf(1);
  for (uint32_t tag = 0; tag < 50; ++tag) put(tag, tag);
  turns(3);
  EXPECT_EQ(served_by(0), 50U);
  loop->restore_nfs(1, 1);  // the stop fails: as if nothing had been
  for (uint32_t tag = 0; tag < 50; ++tag) put(1'000 + tag, tag);
  turns(3);
  EXPECT_LT(served_by(0), 50U);
}

TEST_F(DataLoopOverrun, AnNfThatOverrunsWhileItLeavesIsQuarantinedIfItStays) {
  start(2);
  loop->retire_nfs(1, 1);
  loop->quarantine_nf(1, 17);
  loop->restore_nfs(1, 1);
  for (uint32_t tag = 0; tag < 50; ++tag) put(tag, tag);
  turns(3);
  EXPECT_EQ(served_by(0), 50U);
  ASSERT_TRUE(turn_until([&] { return !told.empty(); }));  // what became of the dispatch
  loop->release_nf(1);
  for (uint32_t tag = 0; tag < 50; ++tag) put(1'000 + tag, tag);
  turns(3);
  EXPECT_LT(served_by(0), 50U);
}

}  // namespace
}  // namespace roost
