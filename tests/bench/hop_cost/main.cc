// SPDX-License-Identifier: BSD-3-Clause
// Questions: what does a hop inside a worker cost, against a virtual call, for NFs that touch one byte, in a chain of
// 30 with bursts of 32? And what do a hop, and a dispatch of one packet to each of 1,000 NFs, cost by deficit round
// robin, against round robin? TSC cycles a packet, all on core 1 of the same run, in turn.
#include <fmt/format.h>

#include <functional>
#include <thread>

#include "experiments/harness/harness.h"
#include "tests/nflib/worker_fixture.h"

namespace roost::experiment {
namespace {

constexpr uint32_t kHops = 30, kBurst = 32, kNfs = 1'000;

class Touch : public Nf {
 public:
  void process(Burst& burst) noexcept override {
    for (auto& packet : burst) packet.data()[0] ^= 1;
  }
};

// A loop over distinct objects, as a framework without a scheduler would run them.
double virtual_calls(std::vector<std::unique_ptr<Nf>>& nfs, double seconds) {
  double cycles = 0;
  std::thread([&] {
    pin_to(1);
    Packet packets[kBurst];
    for (uint32_t i = 0; i < kBurst; ++i) {
      rte_mbuf* view = packet_view(2'000 + i);
      view->buf_addr = packet_buffer(2'000 + i);
      view->data_off = kHeadroomBytes;
      packets[i] = Packet(view);
    }
    Burst burst(packets, kBurst);
    const double until = seconds_now() + seconds;
    uint64_t rounds = 0;
    const uint64_t began = tsc_now();
    while (seconds_now() < until)
      for (int i = 0; i < 100; ++i, ++rounds)
        for (auto& nf : nfs) nf->process(burst);
    cycles = static_cast<double>(tsc_now() - began) / static_cast<double>(rounds * kHops * kBurst);
  }).join();
  return cycles;
}

// Cycles a packet of NFs [from, to), which get packets from `fill` again and again, so many at a time; the next ones
// when all are back.
template <typename Fill>
double cycles_of(WorkerFixture& fixture, uint32_t from, uint32_t to, uint32_t packets_a_round, double seconds,
                 const Fill& fill) {
  const auto sum = [&](auto member) {
    uint64_t total = 0;
    for (uint32_t i = from; i < to; ++i) total += (fixture.region().nf(i).*member).load();
    return total;
  };
  const uint64_t cycles = sum(&NfRecord::cycles), packets = sum(&NfRecord::packets);
  const double until = seconds_now() + seconds;
  while (seconds_now() < until) {
    fill();
    fixture.publish();
    fixture.wake();
    Descriptor back;
    for (uint32_t got = 0; got < packets_a_round;) {
      if (fixture.outbox().pop(back))
        ++got;
      else if (fixture.region().worker().bell.announced())
        fixture.wake();
    }
    fixture.outbox().publish(true);
  }
  return static_cast<double>(sum(&NfRecord::cycles) - cycles) / static_cast<double>(sum(&NfRecord::packets) - packets);
}

// The hops behind the first, whose cycles also hold the way in.
double hops_in_worker(WorkerFixture& fixture, double seconds) {
  return cycles_of(fixture, 1, kHops, kBurst, seconds, [&] {
    for (uint32_t handle = 0; handle < kBurst; ++handle) fixture.stage(0, handle, 0, 0);
  });
}

// A packet for each of many NFs: all that a worker spends from one NF's end to the next one's, but for waiting.
double dispatches(WorkerFixture& fixture, RunPolicy policy, double seconds) {
  fixture.region().worker().orders.run_policy = static_cast<uint8_t>(policy);
  return cycles_of(fixture, 0, kNfs, kNfs, seconds, [&] {
    for (uint32_t nf = 0; nf < kNfs; ++nf) fixture.stage(nf, nf);
  });
}

void compare(const char* what, const std::function<double(RunPolicy)>& measure) {
  const Pairs pairs = measure_pairs(
      15, [&] { return measure(RunPolicy::drr); }, [&] { return measure(RunPolicy::round_robin); });
  fmt::print(
      "{} by deficit round robin: {:.2f} [{:.2f} to {:.2f}]; by round robin: {:.2f} [{:.2f} to {:.2f}]; "
      "ratio {:.2f} [{:.2f} to {:.2f}]\n",
      what, pairs.thing.median, pairs.thing.least, pairs.thing.most, pairs.baseline.median, pairs.baseline.least,
      pairs.baseline.most, pairs.ratio.median, pairs.ratio.least, pairs.ratio.most);
}

void compare_dispatches() {
  WorkerFixture fixture(kNfs, 3);
  std::vector<std::unique_ptr<Nf>> nfs;
  for (uint32_t i = 0; i < kNfs; ++i) {
    nfs.push_back(std::make_unique<Touch>());
    fixture.add(i, *nfs.back());
  }
  fixture.region().worker().orders.spin_us = 20;
  fixture.region().worker().orders.quantum_us = 10;
  pin_to(1);
  fixture.start();
  pin_to(0);
  compare("a dispatch of one packet", [&](RunPolicy policy) { return dispatches(fixture, policy, 0.1); });
}

void compare_hops() {
  WorkerFixture fixture(kHops, 8);
  std::vector<std::unique_ptr<Nf>> nfs;
  std::vector<uint32_t> path;
  for (uint32_t i = 0; i < kHops; ++i) {
    nfs.push_back(std::make_unique<Touch>());
    fixture.add(i, *nfs.back());
    path.push_back(i);
  }
  fixture.set_path(0, path);
  fixture.region().worker().orders.spin_us = 20;
  pin_to(1);
  fixture.start();  // the worker's thread takes the affinity along
  pin_to(0);
  const Pairs pairs = measure_pairs(
      15, [&] { return hops_in_worker(fixture, 0.1); }, [&] { return virtual_calls(nfs, 0.1); });
  fmt::print(
      "a hop in a worker: {:.2f} TSC cycles a packet [{:.2f} to {:.2f}]; a virtual call: {:.2f} [{:.2f} to {:.2f}]; "
      "ratio {:.2f} [{:.2f} to {:.2f}]\n",
      pairs.thing.median, pairs.thing.least, pairs.thing.most, pairs.baseline.median, pairs.baseline.least,
      pairs.baseline.most, pairs.ratio.median, pairs.ratio.least, pairs.ratio.most);
  WorkerOrders& orders = fixture.region().worker().orders;
  orders.quantum_us = 10;
  compare("a hop", [&](RunPolicy policy) {
    orders.run_policy = static_cast<uint8_t>(policy);
    return hops_in_worker(fixture, 0.1);
  });
}

int run() {
  compare_hops();
  compare_dispatches();
  return 0;
}

}  // namespace
}  // namespace roost::experiment

int main() {
  try {
    return roost::experiment::run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "roost-hop-cost: {}\n", error.what());
    return 1;
  }
}
