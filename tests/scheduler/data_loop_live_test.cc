// SPDX-License-Identifier: BSD-3-Clause
// NFs that drain, and chains that change while packets are on their way.
#include <gtest/gtest.h>

#include <map>

#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopLive : public test::LoopTest {
 protected:
  // One packet of each of these flows goes all its way; says which NF of the host had it (its first hop there).
  std::map<uint32_t, uint32_t> round(test::FakeHost& host, uint32_t flows_from, uint32_t flows_to) {
    std::map<uint32_t, uint32_t> nf_of;
    for (uint32_t flow = flows_from; flow < flows_to; ++flow) put(flow);
    turns(4);
    for (uint32_t nf = 0; nf < host.waiting.size(); ++nf)
      for (const Descriptor& d : host.take(nf)) {
        uint32_t flow;
        std::memcpy(&flow, packet_buffer(d.handle) + d.data_offset + test::kFlowAt, 4);
        nf_of[flow] = nf;
        const PathRef at{d.word};
        uint32_t hops = 1;
        while (!paths.hop(at.unit(), at.hop() + hops - 1).run_ends()) ++hops;
        hops_of[flow] = hops;
        host.answer(d, next().with_hops(hops));
      }
    turns(3);
    return nf_of;
  }
  // As an operator's change: between two turns.
  void change_chain(uint16_t chain, std::vector<uint16_t> services, uint16_t out) {
    loop->chains().change(chain, {"chain", std::move(services), out});
    loop->look_at_flows_again();
  }

  std::map<uint32_t, uint32_t> hops_of;
};

TEST_F(DataLoopLive, ADrainingNfKeepsItsFlowsAndGetsNoNewOnes) {
  build({});
  auto& host = add_host(0, 4);
  for (uint32_t nf = 0; nf < 4; ++nf) add_nf(nf, 0, host, nf);
  const auto before = round(host, 0, 100);
  const auto of_two = std::count_if(before.begin(), before.end(), [](const auto& each) { return each.second == 2; });
  ASSERT_GT(of_two, 0);
  loop->drain_nfs(2, 1);
  EXPECT_EQ(round(host, 0, 100), before);
  for (const auto& [flow, nf] : round(host, 100, 300)) EXPECT_NE(nf, 2U) << flow;
  loop->retire_nfs(3, 1);  // flows look again, and still find it
  for (const auto& [flow, nf] : round(host, 0, 100)) {
    EXPECT_NE(nf, 3U);
    EXPECT_TRUE(before.at(flow) == 3 || nf == before.at(flow)) << flow;
  }
  loop->retire_nfs(2, 1);
  for (const auto& [flow, nf] : round(host, 0, 100)) EXPECT_LT(nf, 2U);
}

TEST_F(DataLoopLive, ADrainingNfCanBeQuarantinedAndRestored) {
  build({});
  loop->on_overrun([](const Overrun&) {});
  auto& host = add_host(0, 2);
  for (uint32_t nf = 0; nf < 2; ++nf) add_nf(nf, 0, host, nf);
  loop->drain_nfs(1, 1);
  loop->quarantine_nf(1, 0);
  for (const auto& [flow, nf] : round(host, 0, 50)) EXPECT_EQ(nf, 0U);
  loop->release_nf(1);
  loop->drain_nfs(1, 1);
  loop->retire_nfs(1, 1);
  loop->restore_nfs(1, 1);
  uint32_t of_one = 0;
  for (const auto& [flow, nf] : round(host, 50, 150)) of_one += nf == 1;
  EXPECT_GT(of_one, 0U);
}

TEST_F(DataLoopLive, FlowsOfAChangedChainGoAnotherWayAndKeepTheirNfs) {
  build({.services = 3, .chains = {{0}}, .ports = 3});
  auto& host = add_host(0, 6);
  for (uint32_t nf = 0; nf < 4; ++nf) add_nf(nf, 0, host, nf);
  add_nf(4, 1, host, 4);
  add_nf(5, 2, host, 5);
  const auto before = round(host, 0, 60);
  for (const auto& [flow, hops] : hops_of) EXPECT_EQ(hops, 1U);
  add_nf(6, 0, add_host(1, 1), 0);  // new flows may come to it; old ones don't
  change_chain(0, {0, 2}, 2);
  EXPECT_EQ(round(host, 0, 60), before);
  for (const auto& [flow, hops] : hops_of) EXPECT_EQ(hops, 2U);
  change_chain(0, {1, 0}, 1);  // another first hop, and another port to leave by
  const size_t sent = last->sent.size(), other = ports[1]->sent.size();
  for (const auto& [flow, nf] : round(host, 0, 60)) EXPECT_EQ(nf, 4U);
  EXPECT_EQ(last->sent.size(), sent);
  EXPECT_EQ(ports[1]->sent.size(), other + 60);
}

TEST_F(DataLoopLive, PacketsInTheMiddleArriveAsTheySetOut) {
  build({.services = 3, .chains = {{0, 1}}, .ports = 3});
  auto& one = add_host(0, 1);
  auto& two = add_host(1, 2);
  add_nf(0, 0, one, 0);
  add_nf(1, 1, two, 0);
  add_nf(2, 2, two, 1);
  put(7, 1);
  turns(2);
  const auto on_its_way = one.take(0);
  ASSERT_EQ(on_its_way.size(), 1U);
  change_chain(0, {0, 2}, 1);
  one.answer(on_its_way[0], next().with_hops(1));
  turns(3);
  const auto arrived = two.take(0);  // the service that it set out for
  ASSERT_EQ(arrived.size(), 1U);
  two.answer(arrived[0], next().with_hops(1));
  turns(3);
  ASSERT_EQ(last->sent.size(), 1U);
  put(7, 2);  // the next one goes the new way
  turns(2);
  for (const Descriptor& d : one.take(0)) one.answer(d, next().with_hops(1));
  turns(3);
  const auto other = two.take(1);
  ASSERT_EQ(other.size(), 1U);
  two.answer(other[0], next().with_hops(1));
  turns(3);
  EXPECT_EQ(ports[1]->sent.size(), 1U);
}

TEST_F(DataLoopLive, FlowsOfOtherChainsKeepTheirPaths) {
  build({.services = 2, .chains = {{0}, {1}}, .ports = 3});
  auto& host = add_host(0, 4);
  for (uint32_t nf = 0; nf < 4; ++nf) add_nf(nf, nf < 3 ? 0 : 1, host, nf);
  auto before = round(host, 0, 60);
  before[1'000] = 3;  // of the other chain
  const uint32_t paths_before = loop->paths();
  for (int i = 0; i < 50; ++i) {
    change_chain(1, {1}, static_cast<uint16_t>(1 + i % 2));
    ports[1]->put(1'000);
    EXPECT_EQ(round(host, 0, 60), before);
  }
  EXPECT_LE(loop->paths(), paths_before + 1);
}

TEST_F(DataLoopLive, APortWithoutAChainDropsAndAnotherChainTakesItsFlowsOver) {
  build({.services = 2, .chains = {{0}}, .ports = 2});
  auto& host = add_host(0, 2);
  add_nf(0, 0, host, 0);
  add_nf(1, 1, host, 1);
  EXPECT_EQ(round(host, 0, 10).size(), 10U);
  loop->set_chain_of_port(0, -1);
  loop->look_at_flows_again();
  EXPECT_TRUE(round(host, 0, 10).empty());
  EXPECT_EQ(dropped(DropCause::no_chain), 10U);
  const uint16_t added = loop->chains().add({"new", {1}, 1});
  loop->set_chain_of_port(0, added);
  loop->look_at_flows_again();
  for (const auto& [flow, nf] : round(host, 0, 10)) EXPECT_EQ(nf, 1U);
  EXPECT_EQ(loop->chains().paths(added), 1U);
}

}  // namespace
}  // namespace roost
