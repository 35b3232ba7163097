// SPDX-License-Identifier: BSD-3-Clause
// A host that writes any bytes anywhere in its region, in the midst of packets: the books balance, what is another's
// stays his, and once the host is gone every packet is back.
#include "tests/fuzz/fuzz.h"
#include "tests/scheduler/loop_fixture.h"

namespace roost {
namespace {

class Loop final : public test::LoopTest {
 public:
  Loop() {
    build({.services = 3, .chains = {{0, 1, 2}}, .ports = 2, .options = {}});
    other_ = &add_host(1, 1);
    add_nf(2, 2, *other_, 0);
  }
  ~Loop() override { TearDown(); }
  void TestBody() override {}

  void run(fuzz::Input input) {
    test::FakeHost& host = add_host(0, 2, 4, ++generation_);
    add_nf(0, 0, host, 0);
    add_nf(1, 1, host, 1);
    known_.assign(1, Descriptor{});
    for (uint32_t steps = 0; !input.empty() && steps < 2'000; ++steps) {
      step(host, input);
      fuzz::require(balanced(), "the books balance");
      fuzz::require(pool->in_use() <= 2'048, "packets are as many as there are");
    }
    last->sent.clear();
    turns(3);
    other_->serve(paths);
    turns(3);
    remove_host(host, {0, 1});
    for (int i = 0; i < 8 && held() != 0; ++i) {
      other_->serve(paths);
      turns(3);
    }
    loop->forget_nfs(0, 2);
    fuzz::require(balanced(), "the books balance, afterwards");
    fuzz::require(held() == 0, "nothing is held");
    fuzz::require(pool->in_use() == 0, "all packets are back");
    last->sent.clear();
  }

 private:
  void step(test::FakeHost& host, fuzz::Input& input) {
    const auto what = input.take<uint8_t>();
    WorkerRecord& worker = host.region.worker();
    switch (what % 14) {
      case 0:
        if (pool->in_use() < 1'500) ports[0]->put(what / 14, 0, 1 + input.take<uint8_t>() % 4);
        break;
      case 1:
        for (const uint32_t nf : {0U, 1U})
          for (const Descriptor& d : host.take(nf)) known_.push_back(d);
        break;
      case 2:
        for (const Descriptor& d : host.take_granted()) known_.push_back(d);
        break;
      case 3: {  // one that it has, or had, with a verdict of any kind
        Descriptor d = known_[input.take<uint16_t>() % known_.size()];
        d.word = input.take<uint32_t>();
        d.flags = what / 14 % 2;
        push(host, d);
        break;
      }
      case 4: {  // as it should be
        Descriptor d = known_[input.take<uint16_t>() % known_.size()];
        d.word = next().with_hops(1 + what / 14 % 3).word;
        push(host, d);
        break;
      }
      case 5: {
        Descriptor d;
        d.handle = input.take<uint32_t>() % 4'096;
        d.data_offset = input.take<uint16_t>();
        d.data_bytes = input.take<uint16_t>();
        d.word = input.take<uint32_t>();
        d.flags = input.take<uint8_t>();
        push(host, d);
        break;
      }
      case 6:
        host.region.nf(what / 14 % 2).consumed = input.take<uint32_t>();
        break;
      case 7:
        worker.grants_wanted = input.take<uint16_t>() % 64;
        break;
      case 8:
        worker.grants_consumed = input.take<uint32_t>();
        break;
      case 9:
        reinterpret_cast<std::atomic<uint32_t>&>(worker.bell) = input.take<uint8_t>() % 4;
        break;
      case 10: {
        RingSlot& slot = host.outbox.slots[input.take<uint16_t>() % host.outbox.capacity()];
        slot.packet = input.take<uint64_t>();
        slot.tagged = input.take<uint64_t>();
        break;
      }
      case 11:
        worker.report.taken = input.take<uint64_t>();
        worker.report.deadline_tsc = input.take<uint64_t>();
        worker.report.busy_cycles = input.take<uint64_t>();
        worker.report.dispatches = input.take<uint64_t>();
        worker.report.current_nf = input.take<uint32_t>();
        break;
      case 12:
        other_->serve(paths);
        break;
      default:
        turns(1 + what / 14 % 3);
    }
  }
  static void push(test::FakeHost& host, const Descriptor& d) {
    host.outbox.refresh();
    if (host.outbox.room() != 0) host.outbox.push(d);
  }

  test::FakeHost* other_ = nullptr;
  std::vector<Descriptor> known_;
  uint32_t generation_ = 1;
};

}  // namespace
}  // namespace roost

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  static auto& loop = *new roost::Loop;  // for as long as the process runs
  loop.run({data, bytes});
  return 0;
}
