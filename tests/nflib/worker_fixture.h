// SPDX-License-Identifier: BSD-3-Clause
// A worker with the manager's side played by the test: packets in an arena, inboxes filled, outbox read.
#pragma once

#include <sys/eventfd.h>

#include <bit>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/host_region.h"
#include "core/packet_memory.h"
#include "core/path.h"
#include "core/shared_memory.h"
#include "nflib/arenas.h"
#include "nflib/eal_shim.h"
#include "nflib/worker.h"
#include "nflib/worker_thread.h"

namespace roost {

class Lambda final : public Nf {
 public:
  explicit Lambda(std::function<void(Burst&)> body) : body_(std::move(body)) {}
  void process(Burst& burst) noexcept override { body_(burst); }

 private:
  std::function<void(Burst&)> body_;
};

class WorkerFixture {
 public:
  static constexpr uint32_t kPackets = 4096;

  explicit WorkerFixture(uint32_t nfs, uint8_t slot_shift = 8, WaitMode mode = WaitMode::futex)
      : layout_{nfs, static_cast<uint8_t>(std::bit_width(nfs << slot_shift)), 12, 6},
        arena_(SharedMemory::create({"test-packets", size_t{kPackets} * kStrideBytes, kArenaBase})),
        region_memory_(SharedMemory::create({"test-region", layout_.bytes()})),
        path_memory_(SharedMemory::create({"test-paths", PathTableView::bytes(1024)})),
        region_(region_memory_.data(), layout_),
        paths_(path_memory_.data()),
        eventfd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        inbox_(region_.inbox<RingProducer>()),
        outbox_(region_.outbox<RingConsumer>()),
        grants_(region_.grants<RingProducer>()) {
    const uint64_t hz = measure_tsc_hz();
    init_eal_shim(hz);
    map_page_before(arena_.data());
    for (uint32_t handle = 0; handle < kPackets; ++handle) packet_view(handle)->priv_size = kMetadataBytes;
    WorkerRecord& record = region_.worker();
    record.bell.init(mode);
    record.orders.burst_packets = 32;
    record.orders.wake_packets = 1;
    record.orders.weight = 100;
    worker_ = std::make_unique<Worker>(WorkerOptions{region_, paths_, eventfd_.get(), hz});
  }
  ~WorkerFixture() { stop(); }

  void add(uint32_t index, Nf& nf) { worker_->add_nf(index, &nf); }
  // Once the NF is removed: its place as new, as the manager leaves it for the next one.
  void clear_place(uint32_t index) { region_.nf(index).consumed = 0; }
  void start() {
    thread_ = std::thread([this] { worker_->run(); });
  }
  // With spare threads for those that NFs keep.
  void start_with_spares() { threads_ = std::make_unique<WorkerThread>(*worker_, -1); }
  bool stop_within(std::chrono::milliseconds patience) {
    return threads_->stop_within(region_.worker().bell, patience);
  }
  bool rest_within(std::chrono::milliseconds patience) {
    return threads_->rest_within(region_.worker().bell, patience, patience);
  }
  void go_on() { threads_->go_on(); }
  // In the place of a new manager's: memory as it hands it out, and its cursors.
  void renew_memory() {
    const WorkerRecord& was = region_.worker();
    const WaitMode mode = was.bell.mode();
    std::memset(static_cast<void*>(region_memory_.data()), 0, region_memory_.bytes());
    WorkerRecord& record = region_.worker();
    record.bell.init(mode);
    record.orders.burst_packets = 32;
    record.orders.wake_packets = 1;
    record.orders.weight = 100;
    outbox_ = region_.outbox<RingConsumer>();
    grants_ = region_.grants<RingProducer>();
    inbox_ = region_.inbox<RingProducer>();
    staged_ = 0;
  }

  // As the manager asks, where it has seen this NF for too long.
  Worker::Answer take_from(uint32_t nf, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    return threads_->take_from(nf, region_.worker().report.dispatches, patience);
  }
  void stop() {
    if (threads_ != nullptr) stop_within(std::chrono::minutes(2));
    threads_.reset();
    if (!thread_.joinable()) return;
    worker_->stop();
    wake();
    thread_.join();
  }
  // As the data loop does: parks an announced worker, and wakes it.
  void wake() {
    Doorbell& bell = region_.worker().bell;
    while (thread_.joinable() || threads_ != nullptr) {
      bell.park();
      if (bell.release()) return bell.unblock(bell.mode());
      if (!bell.announced()) return;
    }
  }
  // A path over these NFs of this host, starting at unit.
  void set_path(uint32_t unit, const std::vector<uint32_t>& nfs) {
    for (uint32_t i = 0; i < nfs.size(); ++i)
      paths_.set_hop(unit, i, {nfs[i] | (i + 1 == nfs.size() ? PathHop::kRunEnds : 0)});
  }
  // Into the inbox, to be published; flags say whether it is the packet's last segment, and its last hop here.
  void stage(uint32_t nf, uint32_t handle, uint32_t unit = 0, uint8_t flags = Descriptor::kLastHop,
             uint16_t bytes = 64) {
    inbox_.refresh();
    inbox_.stage({handle, static_cast<uint16_t>(kHeadroomBytes), bytes, PathRef::at(unit, 0).word, 0, flags, nf});
    staged_ += (flags & Descriptor::kMoreSegments) == 0;
  }
  // What was staged is the worker's.
  void publish() {
    region_.worker().orders.delivered.fetch_add(std::exchange(staged_, 0));
    inbox_.publish();
    full_fence();
  }
  void deliver(uint32_t nf, uint32_t handle, uint32_t unit = 0, bool last_hop = false, uint16_t bytes = 64) {
    stage(nf, handle, unit, last_hop ? Descriptor::kLastHop : uint8_t{0}, bytes);
    publish();
    wake();
  }
  std::optional<Descriptor> collect(int patience_ms = 5000) {
    Descriptor d;
    for (int i = 0; i < patience_ms * 10; ++i) {
      if (outbox_.pop(d)) {
        outbox_.publish(true);
        return d;
      }
      if (region_.worker().bell.announced()) wake();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return std::nullopt;
  }
  void grant(uint32_t handle) { grants_.push({handle, static_cast<uint16_t>(kHeadroomBytes), 0, 0, 0, 0}); }

  HostRegion& region() { return region_; }
  PathTableView& paths() { return paths_; }
  Worker& worker() { return *worker_; }
  RingConsumer& outbox() { return outbox_; }

 private:
  HostLayout layout_;
  SharedMemory arena_, region_memory_, path_memory_;
  HostRegion region_;
  PathTableView paths_;
  FileDescriptor eventfd_;
  RingProducer inbox_;
  uint64_t staged_ = 0;
  RingConsumer outbox_;
  RingProducer grants_;
  std::unique_ptr<Worker> worker_;
  std::thread thread_;
  std::unique_ptr<WorkerThread> threads_;
};

}  // namespace roost
