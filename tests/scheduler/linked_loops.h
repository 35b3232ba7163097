// SPDX-License-Identifier: BSD-3-Clause
// Two data loops with rings between them, driven turn by turn in the test's own thread.
#pragma once

#include <algorithm>
#include <map>

#include "tests/scheduler/loop_fixture.h"

namespace roost::test {

// Every test ends with books that balance, nothing held and every packet back in the pool.
class LinkedLoops : public testing::Test {
 protected:
  static constexpr uint16_t kPorts = 4;  // 0 and 2 are loop 0's, 1 and 3 loop 1's; 0 and 1 receive

  LinkedLoops() { start_eal(); }

  // Chain i is port i's, and leaves by `out`.
  void build(std::vector<std::vector<uint16_t>> chains, uint16_t out, uint32_t slots = 64) {
    pool = std::make_unique<PacketPool>(PacketPoolOptions{
        .name = "linked", .packets = 2048, .hugepages = Hugepages::never, .mbuf_cache = 0, .several_loops = true});
    LoopOptions options;
    options.tsc_hz = measure_tsc_hz();
    options.nfs_max = 1024;
    options.hosts_max = 16;
    options.path_units = 1024;
    options.flows4_max = 1024;
    options.flows_wide_max = 64;
    links = std::make_unique<LoopLinks>(2, options.nfs_max, slots);
    links->set_ports({{0}, {1}, {0}, {1}});
    options.links = links.get();
    std::vector<ChainState> states;
    std::vector<int> chain_of_port(kPorts, -1);
    for (size_t i = 0; i < chains.size(); ++i) {
      states.push_back({"chain", chains[i], out});
      chain_of_port[i] = static_cast<int>(i);
    }
    for (uint16_t i = 0; i < kPorts; ++i) ports.push_back(new FakePort(i, pool->pool()));
    for (uint32_t number = 0; number < 2; ++number) {
      options.number = number;
      std::vector<std::unique_ptr<Port>> own;
      for (uint16_t i = 0; i < kPorts; ++i)
        if (i % 2 == number) own.emplace_back(ports[i]);
      loops.push_back(std::make_unique<DataLoop>(options, settings, *pool, std::move(own), std::vector<ServiceState>(4),
                                                 states, chain_of_port));
    }
  }

  struct Home {
    uint32_t loop;
    std::unique_ptr<FakeHost> host;
  };
  FakeHost& add_host(uint32_t loop, uint32_t id, uint32_t nfs = 4, uint8_t slot_shift = 7) {
    Home& home = homes.emplace_back(Home{loop, std::make_unique<FakeHost>(id, nfs, slot_shift)});
    loops[loop]->add_host(home.host->state());
    return *home.host;
  }
  uint32_t loop_of(const FakeHost& host) const {
    for (const Home& home : homes)
      if (home.host.get() == &host) return home.loop;
    return UINT32_MAX;
  }
  void add_nf(uint32_t nf, uint16_t service, const FakeHost& host, uint32_t local) {
    const uint32_t home = loop_of(host);
    loops[home]->add_nfs(nf, 1, service, host.id, local, host.slot_shift);
    loops[1 - home]->add_nfs_elsewhere(nf, 1, service, home);
    nfs_used = std::max(nfs_used, nf + 1);
  }
  void retire(uint32_t nf) {
    for (auto& loop : loops) loop->retire_nfs(nf, 1);
  }
  void turns(uint32_t count = 1) {
    for (uint32_t i = 0; i < count; ++i)
      for (auto& loop : loops) loop->turn();
  }
  uint32_t serve(uint32_t loop) {
    uint32_t served = 0;
    for (auto& home : homes)
      if (home.loop == loop) served += home.host->serve(PathTableView(loops[loop]->path_memory().data()));
    return served;
  }
  // Hosts take every packet along its way until none is left.
  void serve_all() {
    for (uint32_t quiet = 0, rounds = 0; quiet < 4; ++rounds) {
      ASSERT_LT(rounds, 1'000U) << "packets without end";
      const uint32_t served = serve(0) + serve(1);
      turns(2);
      expect_balanced();
      quiet = served == 0 ? quiet + 1 : 0;
    }
  }
  // Each by itself, and all together with what is in rings.
  void expect_balanced() const {
    LoopBooks all;
    for (const auto& loop : loops) {
      const LoopBooks books = loop->books();
      EXPECT_TRUE(books.balanced());
      all.received += books.received;
      all.created += books.created;
      all.transmitted += books.transmitted;
      all.dropped += books.dropped;
      all.held += books.held + books.handed_over - books.taken_over;
    }
    EXPECT_TRUE(all.balanced());
  }
  uint64_t count(uint32_t loop, LoopCounters::Count LoopCounters::*counter) const {
    return (loops[loop]->counters().*counter).get();
  }
  uint64_t dropped(uint32_t loop, DropCause cause, bool at_entry = false) const {
    const LoopCounters& counters = loops[loop]->counters();
    return (at_entry ? counters.dropped_at_entry : counters.dropped)[static_cast<size_t>(cause)].get();
  }
  // How many left by this port, in each flow in the order of their tags.
  size_t sent_in_order(uint16_t port) const {
    std::map<uint32_t, uint32_t> next;
    for (const Sent& each : ports[port]->sent) {
      const auto [last, fresh] = next.try_emplace(each.flow, each.tag);
      EXPECT_TRUE(fresh || each.tag > last->second) << "flow " << each.flow;
      last->second = each.tag;
    }
    return ports[port]->sent.size();
  }
  void remove_host(uint32_t id) {
    const auto home = std::find_if(homes.begin(), homes.end(), [id](const Home& each) { return each.host->id == id; });
    bool swept = false;
    loops[home->loop]->remove_host(id, [&] { swept = true; });
    for (uint32_t i = 0; i < 100'000 && !swept; ++i) turns();
    EXPECT_TRUE(swept);
    homes.erase(home);
  }

  void TearDown() override {
    serve_all();
    for (uint32_t nf = 0; nf < nfs_used; ++nf) retire(nf);
    while (!homes.empty()) remove_host(homes.back().host->id);
    turns(3);
    expect_balanced();
    for (auto& loop : loops) EXPECT_EQ(loop->books().held, 0U);
    EXPECT_EQ(pool->in_use(), 0U);
    loops.clear();
    links.reset();
    EXPECT_EQ(pool->in_use(), 0U);
  }

  Settings settings;
  std::unique_ptr<PacketPool> pool;
  std::unique_ptr<LoopLinks> links;
  std::vector<FakePort*> ports;
  std::vector<std::unique_ptr<DataLoop>> loops;
  std::vector<Home> homes;
  uint32_t nfs_used = 0;
};

}  // namespace roost::test
