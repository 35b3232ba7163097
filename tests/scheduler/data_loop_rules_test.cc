// SPDX-License-Identifier: BSD-3-Clause
// Rules in the data loop: which way packets go, what is counted, and what becomes of flows when rules change.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "scheduler/rule_book.h"
#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class DataLoopRulesTest : public test::LoopTest {
 protected:
  // Ports 0 and 1 in, port 2 out; chains a (service 0) and b (service 1), a is that of port 0, port 1 has none.
  void start() {
    build({.services = 2, .chains = {{0}, {1}}, .ports = 3});
    loop->set_rule_counts(book.counts());
    for (uint32_t service = 0; service < 2; ++service) {
      auto& host = add_host(service, 4);
      for (uint32_t nf = 0; nf < 4; ++nf) add_nf(4 * service + nf, static_cast<uint16_t>(service), host, nf);
    }
  }
  // Of service 0: a flow that forgot its NF would likely get one of these.
  void add_more_nfs() {
    auto& more = add_host(5, 4);
    for (uint32_t nf = 0; nf < 4; ++nf) add_nf(20 + nf, 0, more, nf);
  }
  // As the manager does it.
  void change(const std::vector<std::string>& rules, RuleBook::Change what = {}) {
    for (const auto& text : rules) what.add.push_back(parse_rule(text, names));
    RuleHandover handover{.table = book.change(std::move(what), 0).table};
    const uint32_t beyond = handover.table->beyond() == 0 ? 0 : handover.table->beyond() | beyond_;
    if (beyond != beyond_) {
      handover.new_classes = true;
      if (beyond != 0) handover.classes = std::make_unique<FlowClasses>(beyond);
      beyond_ = beyond;
    }
    loop->swap_rules(handover);
  }
  // A packet of this flow; with a VLAN tag, if there is to be one.
  void put_tagged(uint32_t flow, uint16_t vlan, uint16_t port = 0) {
    uint8_t frame[test::kFrameBytes + 4];
    test::write_frame(frame, flow, 0);
    std::memmove(frame + 16, frame + 12, test::kFrameBytes - 12);
    const uint8_t tag[] = {0x81, 0, static_cast<uint8_t>(vlan >> 8), static_cast<uint8_t>(vlan)};
    std::memcpy(frame + 12, tag, sizeof tag);
    ports[port]->put_bytes(frame, sizeof frame);
  }
  // Of the packets that wait: whose NF has them, by flow; they are given back.
  std::map<uint32_t, uint32_t> serve(uint32_t flow_at = test::kFlowAt) {
    std::map<uint32_t, uint32_t> nf_of;
    for (const auto& host : hosts)
      for (uint32_t nf = 0; nf < 4; ++nf)
        for (const Descriptor& d : host->take(nf)) {
          uint32_t flow;
          std::memcpy(&flow, packet_buffer(d.handle) + d.data_offset + flow_at, 4);
          nf_of[flow] = 4 * host->id + nf;
          host->answer(d, next().with_hops(1));
        }
    turns(2);
    return nf_of;
  }
  std::map<uint32_t, uint32_t> send(uint32_t flows, uint16_t port = 0) {
    for (uint32_t flow = 0; flow < flows; ++flow) ports[port]->put(flow);
    turns(1 + flows / 64);
    return serve();
  }
  std::map<uint32_t, uint32_t> send_tagged(uint32_t flows, uint16_t vlan) {
    for (uint32_t flow = 0; flow < flows; ++flow) put_tagged(flow, vlan);
    turns(1 + flows / 64);
    return serve(test::kFlowAt + 4);
  }
  uint64_t hits(uint32_t id) const { return book.count(id == 0 ? 0 : book.find(id)->slot).hits; }
  uint64_t bytes(uint32_t id) const { return book.count(book.find(id)->slot).bytes; }
  uint64_t lookups() const { return loop->counters().rule_lookups.get(); }

  RuleNames names{{{"a", 0}, {"b", 1}}, {{"in", 0}, {"other", 1}, {"out", 2}}};
  RuleBook book;

 private:
  uint32_t beyond_ = 0;
};

// Host 1 has the NFs of service 1; all others are of service 0.
uint32_t service_of(uint32_t nf) { return nf / 4 == 1 ? 1 : 0; }
bool all_in(const std::map<uint32_t, uint32_t>& nf_of, uint32_t service) {
  return std::all_of(nf_of.begin(), nf_of.end(), [=](const auto& each) { return service_of(each.second) == service; });
}

TEST_F(DataLoopRulesTest, SendToAChainOrOutOrDrop) {
  start();
  change({"priority=3000 udp src=1.0.0.0 drop", "priority=2000 udp src=2.0.0.0 port=out", "udp src=3.0.0.0 chain=b",
          "in=other udp chain=a"});
  const auto nf_of = send(5);  // sources 0.0.0.0, 1.0.0.0, ...
  ASSERT_EQ(nf_of.size(), 3U);
  EXPECT_EQ(service_of(nf_of.at(0)), 0U);  // the port's chain
  EXPECT_EQ(service_of(nf_of.at(3)), 1U);
  EXPECT_EQ(service_of(nf_of.at(4)), 0U);
  EXPECT_EQ(dropped(DropCause::by_rule), 1U);
  EXPECT_EQ(loop->counters().dropped_at_entry[static_cast<size_t>(DropCause::by_rule)].get(), 1U);
  EXPECT_EQ(last->sent.size(), 4U);
  EXPECT_EQ(lookups(), 5U);
  send(5);
  send(5, 1);  // from the other port
  EXPECT_EQ(lookups(), 10U) << "the flow table carries the rest";
  EXPECT_EQ(hits(1), 3U);
  EXPECT_EQ(hits(2), 3U);
  EXPECT_EQ(hits(3), 3U);
  EXPECT_EQ(hits(4), 2U);
  EXPECT_EQ(hits(0), 4U);
  EXPECT_EQ(bytes(1), 3 * test::kFrameBytes);
  EXPECT_EQ(dropped(DropCause::no_chain), 0U);
  EXPECT_TRUE(balanced());
}

TEST_F(DataLoopRulesTest, APacketUnderNoRuleAndWithoutAChainIsDroppedAtTheCostOfOneLookup) {
  build({.services = 1, .chains = {{0}}, .ports = 3});
  loop->set_rule_counts(book.counts());
  change({"tcp drop"});
  for (int i = 0; i < 3; ++i) ports[1]->put(7);
  turns();
  EXPECT_EQ(dropped(DropCause::no_chain), 3U);
  EXPECT_LE(lookups(), 3U);  // those of the first burst look each
  const uint64_t before = lookups();
  ports[1]->put(7);
  turns();
  EXPECT_EQ(dropped(DropCause::no_chain), 4U);
  EXPECT_EQ(lookups(), before);
}

TEST_F(DataLoopRulesTest, WhereThereIsNoNfTheRuleIsKnownAllTheSame) {
  build({.services = 2, .chains = {{0}, {1}}, .ports = 3});
  loop->set_rule_counts(book.counts());
  change({"udp chain=b"});
  for (int i = 0; i < 3; ++i) ports[0]->put(7);
  turns();
  const uint64_t looked = lookups();  // those of one burst look each
  EXPECT_GE(looked, 1U);
  for (int i = 0; i < 3; ++i) ports[0]->put(7);
  turns();
  EXPECT_EQ(dropped(DropCause::no_nf), 6U);
  EXPECT_EQ(hits(1), 6U);
  EXPECT_EQ(lookups(), looked);
  change({}, {.remove_all = true});
  ports[0]->put(7);
  turns();
  EXPECT_EQ(dropped(DropCause::no_nf), 7U);
  EXPECT_EQ(lookups(), looked + 1);
}

TEST_F(DataLoopRulesTest, AChangeReachesTheFlowsItIsAboutAndNoOthers) {
  start();
  const auto before = send(40);
  ASSERT_TRUE(all_in(before, 0));
  add_more_nfs();
  change({"udp src=7.0.0.0 chain=b", "udp src=8.0.0.0 drop"});
  auto after = send(40);
  EXPECT_EQ(after.size(), 39U);
  EXPECT_EQ(service_of(after.at(7)), 1U);
  after.erase(7);
  for (const auto& [flow, nf] : after) EXPECT_EQ(nf, before.at(flow)) << "flow " << flow;
  EXPECT_EQ(dropped(DropCause::by_rule), 1U);
  change({"udp src=8.0.0.0 port=out"}, {.remove = {1, 2}});
  after = send(40);
  EXPECT_EQ(after.size(), 39U);
  EXPECT_EQ(service_of(after.at(7)), 0U);
  EXPECT_EQ(hits(3), 1U);
  change({}, {.remove_all = true});
  after = send(40);
  EXPECT_EQ(after.size(), 40U);
  after.erase(7);
  after.erase(8);
  for (const auto& [flow, nf] : after) EXPECT_EQ(nf, before.at(flow)) << "flow " << flow;
  const uint64_t looked = lookups();
  send(40);
  EXPECT_EQ(lookups(), looked) << "without rules nothing is looked up";
  EXPECT_EQ(loop->flows(), 40U);
}

TEST_F(DataLoopRulesTest, FlowsAreToldApartByWhatRulesLookAt) {
  start();
  change({"vlan=7 chain=b", "vlan=8 drop"});
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(all_in(send(20), 0));
    EXPECT_TRUE(all_in(send_tagged(20, 6), 0));
    EXPECT_TRUE(all_in(send_tagged(20, 7), 1));
    EXPECT_TRUE(send_tagged(20, 8).empty());
  }
  EXPECT_EQ(hits(1), 60U);
  EXPECT_EQ(dropped(DropCause::by_rule), 60U);
  EXPECT_EQ(lookups(), 80U);
  EXPECT_EQ(loop->flows(), 80U);
}

TEST_F(DataLoopRulesTest, FlowsKeepTheirNfsWhenTheyAreToldApartByMoreOrByLess) {
  start();
  const auto before = send_tagged(40, 5);
  add_more_nfs();
  const auto same = [&] {
    const auto after = send_tagged(40, 5);
    ASSERT_EQ(after.size(), 40U);
    for (const auto& [flow, nf] : after) EXPECT_EQ(nf, before.at(flow)) << "flow " << flow;
  };
  change({"vlan=7 chain=b"});
  same();
  change({"dscp=ef chain=b"});
  same();
  same();
  change({}, {.remove = {1, 2}});
  same();
  EXPECT_TRUE(balanced());
}

TEST_F(DataLoopRulesTest, OtherThanIpIsMatchedToo) {
  start();
  change({"arp_op=request arp_tpa=10.0.0.0/24 port=out", "arp drop", "eth_type=0x88cc chain=b"});
  uint8_t arp[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
  arp[38] = 10;
  arp[41] = 9;
  ports[0]->put_bytes(arp, sizeof arp);
  arp[40] = 1;  // 10.0.1.9
  ports[0]->put_bytes(arp, sizeof arp);
  ports[0]->put_bytes(arp, sizeof arp);
  arp[12] = 0x88;
  arp[13] = 0xcc;
  ports[0]->put_bytes(arp, sizeof arp);
  turns();
  EXPECT_TRUE(all_in(serve(), 1));
  EXPECT_EQ(hits(1), 1U);
  EXPECT_EQ(hits(2), 2U);
  EXPECT_EQ(hits(3), 1U);
  EXPECT_EQ(last->sent.size(), 2U);
}

// NFs that go have flows look for new ones, but not for their rules.
TEST_F(DataLoopRulesTest, DeparturesDoNotAskForRules) {
  start();
  change({"udp chain=b"});
  const auto before = send(40);
  EXPECT_EQ(lookups(), 40U);
  loop->retire_nfs(4, 1);
  const auto after = send(40);
  EXPECT_EQ(lookups(), 40U);
  EXPECT_TRUE(all_in(after, 1));
  for (const auto& [flow, nf] : after) {
    EXPECT_NE(nf, 4U);
    if (before.at(flow) != 4) {
      EXPECT_EQ(nf, before.at(flow));
    }
  }
}

TEST_F(DataLoopRulesTest, FlowsThatTheTableHasNoRoomForAreDecidedEachTime) {
  auto options = small();
  options.flows4_max = 8;
  build({.services = 2, .chains = {{0}, {1}}, .ports = 3, .options = options});
  loop->set_rule_counts(book.counts());
  for (uint32_t service = 0; service < 2; ++service) {
    auto& host = add_host(service, 4);
    for (uint32_t nf = 0; nf < 4; ++nf) add_nf(4 * service + nf, static_cast<uint16_t>(service), host, nf);
  }
  change({"udp chain=b", "priority=2000 udp src=9.0.0.0 drop"});
  for (int round = 0; round < 2; ++round) {
    const auto nf_of = send(40);
    EXPECT_EQ(nf_of.size(), 39U);
    EXPECT_TRUE(all_in(nf_of, 1));
  }
  EXPECT_EQ(hits(1), 78U);
  EXPECT_EQ(hits(2), 2U);
  EXPECT_GE(loop->counters().flows_unpinned.get(), 64U);
  change({}, {.remove_all = true});
  EXPECT_TRUE(all_in(send(40), 0));
}

}  // namespace
}  // namespace roost
