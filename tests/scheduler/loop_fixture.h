// SPDX-License-Identifier: BSD-3-Clause
// A data loop driven turn by turn in the test's own thread, with ports that the test feeds and hosts that it plays.
#pragma once

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/verdict.h"
#include "scheduler/data_loop.h"
#include "tests/support/eal.h"

namespace roost::test {

inline constexpr uint32_t kFrameBytes = 60, kFlowAt = 26, kTagAt = 42;

// An IPv4 UDP frame whose source address is the flow; the tag tells packets of a flow apart.
inline void write_frame(uint8_t* frame, uint32_t flow, uint32_t tag) {
  std::memset(frame, 0, kFrameBytes);
  frame[12] = 0x08;
  frame[14] = 0x45;
  frame[17] = kFrameBytes - 14;
  frame[23] = 17;
  std::memcpy(frame + kFlowAt, &flow, sizeof flow);
  std::memcpy(frame + kTagAt, &tag, sizeof tag);
}

struct Sent {
  uint32_t flow = 0, tag = 0, bytes = 0;
  uint16_t segments = 0;
  uint8_t ip_tos = 0;
};

class FakePort final : public Port {
 public:
  FakePort(uint16_t index, rte_mempool* pool) : Port("fake" + std::to_string(index), index), pool_(pool) {}
  ~FakePort() override {
    for (rte_mbuf* packet : waiting_) rte_pktmbuf_free(packet);
  }

  // A packet to be received; each segment behind the first has `kFrameBytes` more bytes.
  void put(uint32_t flow, uint32_t tag = 0, uint32_t segments = 1) {
    rte_mbuf* head = rte_pktmbuf_alloc(pool_);
    ASSERT_NE(head, nullptr);
    auto* const frame = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(head, kFrameBytes));
    write_frame(frame, flow, tag);
    frame[15] = ip_tos;
    for (uint32_t i = 1; i < segments; ++i) {
      rte_mbuf* further = rte_pktmbuf_alloc(pool_);
      ASSERT_NE(further, nullptr);
      std::memset(rte_pktmbuf_append(further, kFrameBytes), 0, kFrameBytes);
      ASSERT_EQ(rte_pktmbuf_chain(head, further), 0);
    }
    waiting_.push_back(head);
  }

  // A frame as it is.
  void put_bytes(const uint8_t* frame, uint32_t length) {
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
    ASSERT_NE(packet, nullptr);
    std::memcpy(rte_pktmbuf_append(packet, static_cast<uint16_t>(length)), frame, length);
    waiting_.push_back(packet);
  }

  uint16_t receive(rte_mbuf** packets, uint64_t* stamps, uint16_t count, uint64_t now) noexcept override {
    uint16_t n = 0;
    for (; n < count && !waiting_.empty(); ++n, waiting_.pop_front()) {
      packets[n] = waiting_.front();
      stamps[n] = now;
    }
    counters_.received.add(n);
    return n;
  }
  uint16_t transmit(rte_mbuf** packets, uint16_t count) noexcept override {
    uint16_t n = 0;
    for (; n < count && room > 0; ++n, --room) {
      Sent one{0, 0, packets[n]->pkt_len, packets[n]->nb_segs};
      const auto* frame = rte_pktmbuf_mtod(packets[n], const uint8_t*);
      if (packets[n]->data_len >= kTagAt + 4) {
        one.ip_tos = frame[15];
        std::memcpy(&one.flow, frame + kFlowAt, sizeof one.flow);
        std::memcpy(&one.tag, frame + kTagAt, sizeof one.tag);
      }
      sent.push_back(one);
      EXPECT_EQ(rte_mbuf_check(packets[n], 1, &why_), 0) << why_;
      rte_pktmbuf_free(packets[n]);
    }
    counters_.transmitted.add(n);
    return n;
  }
  uint64_t next_receive_tsc() const noexcept override { return waiting_.empty() ? kNeverTsc : 0; }

  std::vector<Sent> sent;
  uint32_t room = UINT32_MAX;
  uint8_t ip_tos = 0;  // of the frames that are put

 private:
  rte_mempool* pool_;
  std::deque<rte_mbuf*> waiting_;
  const char* why_ = "";
};

// A host and its worker, played by the test.
class FakeHost {
 public:
  FakeHost(uint32_t id_, uint32_t nfs, uint8_t slot_shift_, uint32_t generation_ = 1)
      : id(id_),
        generation(generation_),
        slot_shift(slot_shift_),
        layout_{nfs, static_cast<uint8_t>(std::max<int>(std::bit_width(nfs << slot_shift_), 6)), 9, 4},
        memory_(SharedMemory::create({.name = "test-region", .bytes = layout_.bytes()})),
        region(memory_.data(), layout_),
        outbox(region.outbox<RingProducer>()),
        grants(region.grants<RingConsumer>()),
        waiting(nfs),
        inbox_(region.inbox<RingConsumer>()) {
    region.worker().bell.init(WaitMode::futex);
    region.worker().report.deadline_tsc = UINT64_MAX;
  }

  std::unique_ptr<HostState> state() const {
    auto host = std::make_unique<HostState>();
    host->id = id;
    host->generation = generation;
    host->domain = domain;
    host->region = region;
    host->inbox = region.inbox<RingProducer>();
    host->outbox = region.outbox<RingConsumer>();
    host->grants = region.grants<RingProducer>();
    return host;
  }

  // Out of the inbox, to the NFs that they are for.
  void take_in() {
    for (Descriptor d; inbox_.pop(d);) waiting.at(d.nf).push_back(d);
    inbox_.publish(true);
  }
  // All that waits for one of its NFs.
  std::vector<Descriptor> take(uint32_t nf, size_t most = SIZE_MAX) {
    take_in();
    std::deque<Descriptor>& came = waiting[nf];
    std::vector<Descriptor> all;
    for (; all.size() < most && !came.empty(); came.pop_front()) {
      all.push_back(came.front());
      if ((came.front().flags & Descriptor::kMoreSegments) == 0) ++region.worker().report.taken;
    }
    region.nf(nf).consumed += static_cast<uint32_t>(all.size());
    return all;
  }
  std::vector<Descriptor> take_granted() {
    std::vector<Descriptor> all;
    for (Descriptor d; grants.pop(d);) all.push_back(d);
    grants.publish(true);
    return all;
  }
  // NFs for which something waits.
  std::vector<uint32_t> ready_nfs() {
    take_in();
    std::vector<uint32_t> nfs;
    for (uint32_t nf = 0; nf < waiting.size(); ++nf)
      if (!waiting[nf].empty()) nfs.push_back(nf);
    return nfs;
  }

  void push(const Descriptor& d) {
    ASSERT_TRUE(outbox.refresh());
    ASSERT_GT(outbox.room(), 0U);
    outbox.push(d);
  }
  void answer(Descriptor d, Verdict verdict) {
    d.word = verdict.word;
    d.flags &= Descriptor::kMoreSegments;
    push(d);
  }
  // Takes every packet through all the hops that it may.
  uint32_t serve(const PathTableView& paths) {
    uint32_t served = 0;
    for (uint32_t nf = 0; nf < waiting.size(); ++nf)
      for (const Descriptor& d : take(nf)) {
        const PathRef at{d.word};
        uint32_t hops = 1;
        while (!paths.hop(at.unit(), at.hop() + hops - 1).run_ends()) ++hops;
        answer(d, next().with_hops(hops));
        ++served;
      }
    return served;
  }

  Doorbell& bell() { return region.worker().bell; }
  // The bell's state lies first in it. What Doorbell::sleep() does before it blocks:
  void announce() { bell_state() = Doorbell::kAnnounced; }
  uint32_t state_of_bell() { return bell_state(); }

  const uint32_t id, generation;
  const uint8_t slot_shift;
  uint8_t domain = 0;

 private:
  std::atomic<uint32_t>& bell_state() { return reinterpret_cast<std::atomic<uint32_t>&>(bell()); }

  HostLayout layout_;
  SharedMemory memory_;

 public:
  HostRegion region;
  RingProducer outbox;
  RingConsumer grants;
  std::vector<std::deque<Descriptor>> waiting;  // by NF

 private:
  RingConsumer inbox_;
};

// Every test ends with books that balance, nothing held and every packet back in the pool.
class LoopTest : public testing::Test {
 protected:
  struct Shape {
    uint16_t services = 1;
    std::vector<std::vector<uint16_t>> chains = {{0}};  // chain i is port i's; all leave by the last port
    uint16_t ports = 2;
    LoopOptions options = {};
    std::vector<DomainOptions> domains = {};   // besides the one of 2,048 packets
    std::vector<uint8_t> domain_of_port = {};  // 0 for those that it lacks
  };

  LoopTest() { start_eal(); }

  static LoopOptions small() {
    static const uint64_t hz = measure_tsc_hz();
    LoopOptions options;
    options.tsc_hz = hz;
    options.nfs_max = 1024;
    options.hosts_max = 16;
    options.path_units = 1024;
    options.flows4_max = 1024;
    options.flows_wide_max = 64;
    return options;
  }

  void build(Shape shape) {
    if (shape.options.tsc_hz == 0) shape.options = small();
    pool = std::make_unique<PacketPool>(PacketPoolOptions{
        .name = "loop", .packets = 2048, .hugepages = Hugepages::never, .mbuf_cache = 0, .domains = shape.domains});
    shape.domain_of_port.resize(shape.ports);
    std::vector<std::unique_ptr<Port>> loop_ports;
    for (uint16_t i = 0; i < shape.ports; ++i) {
      auto port = std::make_unique<FakePort>(i, pool->pool(shape.domain_of_port[i]));
      ports.push_back(port.get());
      loop_ports.push_back(std::move(port));
    }
    std::vector<ServiceState> services(shape.services);
    std::vector<ChainState> chains;
    std::vector<int> chain_of_port(shape.ports, -1);
    for (size_t i = 0; i < shape.chains.size(); ++i) {
      chains.push_back({"chain", shape.chains[i], static_cast<uint16_t>(shape.ports - 1)});
      chain_of_port[i] = static_cast<int>(i);
    }
    loop = std::make_unique<DataLoop>(shape.options, settings, *pool, std::move(loop_ports), std::move(services),
                                      std::move(chains), chain_of_port);
    paths = PathTableView(loop->path_memory().data());
    last = ports.back();
  }

  FakeHost& add_host(uint32_t id, uint32_t nfs, uint8_t slot_shift = 6, uint32_t generation = 1, uint8_t domain = 0) {
    FakeHost& host = *hosts.emplace_back(std::make_unique<FakeHost>(id, nfs, slot_shift, generation));
    host.domain = domain;
    loop->add_host(host.state());
    return host;
  }
  // NF `nf` of the manager is `local` in its host.
  void add_nf(uint32_t nf, uint16_t service, const FakeHost& host, uint32_t local) {
    loop->add_nfs(nf, 1, service, host.id, local, host.slot_shift);
    nfs_used = std::max(nfs_used, nf + 1);
  }
  void turns(uint32_t count = 1) {
    for (uint32_t i = 0; i < count; ++i) loop->turn();
  }
  // Until `done`, or for a second at most.
  template <typename Done>
  bool turn_until(Done&& done) {
    const uint64_t end = tsc_now() + small().tsc_hz;
    while (!done() && tsc_now() < end) loop->turn();
    return done();
  }
  void put(uint32_t flow, uint32_t tag = 0) { ports[0]->put(flow, tag); }
  void pass_epochs(uint64_t count = 6) {
    const uint64_t target = loop->epochs() + count;
    EXPECT_TRUE(turn_until([&] { return loop->epochs() >= target; })) << "epochs stand still";
  }
  uint64_t dropped(DropCause cause) const { return loop->counters().dropped[static_cast<size_t>(cause)].get(); }
  uint64_t held() const { return loop->books().held; }
  bool balanced() const { return loop->books().balanced(); }

  // Hosts take every packet along its way until none is left.
  void serve_all() {
    uint32_t rounds = 0;
    for (uint32_t quiet = 0; quiet < 3 && rounds < 1000; ++rounds) {
      uint32_t served = 0;
      for (auto& host : hosts) served += host->serve(paths);
      turns(2);
      EXPECT_TRUE(balanced());
      quiet = served == 0 ? quiet + 1 : 0;
    }
    EXPECT_LT(rounds, 1000U) << "packets without end";
  }

  // The process is gone; its NFs leave, and its memory is the test's again once the sweep is through.
  void remove_host(FakeHost& host, std::vector<uint32_t> nfs = {}) {
    for (const uint32_t nf : nfs) loop->retire_nfs(nf, 1);
    bool swept = false;
    loop->remove_host(host.id, [&] { swept = true; });
    for (uint32_t i = 0; i < 100'000 && !swept; ++i) turns();
    EXPECT_TRUE(swept);
    EXPECT_EQ(loop->count_owned(host.id), 0U);
    EXPECT_TRUE(balanced());
    std::erase_if(hosts, [&](const auto& one) { return one.get() == &host; });
  }

  void TearDown() override {
    serve_all();
    if (expect_nothing_held) {
      EXPECT_EQ(held(), 0U);
    }
    if (nfs_used != 0) loop->retire_nfs(0, nfs_used);
    while (!hosts.empty()) remove_host(*hosts.back());
    turns();
    EXPECT_TRUE(balanced());
    EXPECT_EQ(held(), 0U);
    EXPECT_EQ(pool->in_use(), 0U);
    loop.reset();
    EXPECT_EQ(pool->in_use(), 0U);
  }

  Settings settings;
  std::unique_ptr<PacketPool> pool;
  std::vector<FakePort*> ports;
  FakePort* last = nullptr;
  std::vector<std::unique_ptr<FakeHost>> hosts;
  std::unique_ptr<DataLoop> loop;
  PathTableView paths;
  uint32_t nfs_used = 0;
  bool expect_nothing_held = true;  // false: a test's host kept packets that only its end brings back
};

}  // namespace roost::test
