// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/try/trial.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/fence.h"
#include "core/packet_memory.h"
#include "nflib/arenas.h"
#include "nflib/eal_shim.h"
#include "nflib/module.h"

namespace roost {
namespace {

constexpr uint32_t kPackets = 8'192;
constexpr uint8_t kInboxShift = 11, kOutboxShift = 13, kGrantShift = 8;
constexpr uint32_t kSegmentBytes = kBufferBytes - kHeadroomBytes;
constexpr uint32_t kGrantsMost = 128;
constexpr uint32_t kFeed = 256;  // packets delivered before what came back is looked at
constexpr uint64_t kHang_ms = 10'000;
constexpr std::chrono::milliseconds kStopPatience{2'000};

Numbers numbered(const std::vector<std::string>& names) {
  Numbers numbers;
  for (size_t i = 0; i < names.size(); ++i) numbers[names[i]] = static_cast<uint16_t>(i);
  return numbers;
}

}  // namespace

Trial::Trial(const TrialOptions& options)
    : options_(options),
      tsc_hz_(measure_tsc_hz()),
      capture_(Capture::load(options.in)),
      layout_{1, kInboxShift, kOutboxShift, kGrantShift},
      arena_(
          SharedMemory::create({.name = "trial-packets", .bytes = size_t{kPackets} * kStrideBytes, .at = kArenaBase})),
      region_memory_(SharedMemory::create({.name = "trial-region", .bytes = layout_.bytes()})),
      path_memory_(SharedMemory::create({.name = "trial-paths", .bytes = PathTableView::bytes(1)})),
      region_(region_memory_.data(), layout_),
      paths_(path_memory_.data()),
      eventfd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      inbox_(region_.inbox<RingProducer>()),
      grants_(region_.grants<RingProducer>()),
      outbox_(region_.outbox<RingConsumer>()),
      states_(kPackets, State::free),
      segments_(kPackets) {
  if (!eventfd_) fail_errno("trial: eventfd");
  if (options_.ports.empty()) fail("trial: no ports; packets come in by the first of them");
  if (!options_.out.empty()) writer_ = std::make_unique<PcapWriter>(options_.out);
  init_eal_shim(tsc_hz_);
  map_page_before(arena_.data());
  for (uint32_t handle = kPackets; handle-- > 0;) {
    reset_view(handle);
    free_.push_back(handle);
  }
  WorkerRecord& record = region_.worker();
  record.bell.init(WaitMode::futex);
  record.orders.burst_packets = 32;  // as the settings have it
  record.orders.wake_packets = 1;
  record.orders.wake_deadline_us = 50;
  record.orders.spin_us = 20;
  record.orders.weight = 100;
  paths_.set_hop(0, 0, {PathHop::kRunEnds});
  worker_ = std::make_unique<Worker>(WorkerOptions{region_, paths_, eventfd_.get(), tsc_hz_});
  nfs_ = std::make_unique<NfTable>(*worker_, region_);
}

Trial::~Trial() = default;

void Trial::start_nf(std::shared_ptr<const Module> module) {
  result_.nf = module->descriptor().name;
  StartRequest request;
  request.count = 1;
  request.config = options_.config;
  request.ports = numbered(options_.ports);
  request.services = numbered(options_.services);
  nfs_->start(std::move(module), std::move(request));
  for (const auto& message : options_.messages)
    if (nfs_->tell(0, 1, message) == 0) fail("trial: the NF takes no message of {} bytes", message.size());
  thread_ = std::make_unique<WorkerThread>(*worker_, -1);
}

TrialResult Trial::run() {
  FileDescriptor file(::open(options_.module.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) fail_errno("module '{}'", options_.module);
  start_nf(std::make_shared<const Module>(std::move(file), options_.module));
  began_tsc_ = progress_tsc_ = dispatch_since_tsc_ = tsc_now();
  for (uint64_t now = began_tsc_; !over(now); now = tsc_now()) {
    const bool came = collect(), went = feed(), gave = grant();
    if (came || went) progress_tsc_ = now;
    wake();
    look_for_a_runaway(now);
    if (!came && !went && !gave) sched_yield();
  }
  result_.elapsed_ms = static_cast<double>(progress_tsc_ - began_tsc_) * 1e3 / static_cast<double>(tsc_hz_);
  result_.held = static_cast<uint64_t>(std::count(states_.begin(), states_.end(), State::lent));
  result_.tsc_hz = tsc_hz_;
  if (!thread_->stop_within(region_.worker().bell, kStopPatience))
    fail("NF '{}': does not come back from process(), and keeps its worker from ending", result_.nf);
  const NfRecord& record = region_.nf(0);
  result_.seen = record.packets.load(std::memory_order_relaxed);
  result_.cycles = record.cycles.load(std::memory_order_relaxed);
  result_.dispatches = region_.worker().report.dispatches.load(std::memory_order_relaxed);
  thread_.reset();
  return std::move(result_);
}

// All that the capture has is through; or what the NF keeps does not come any more, and there may be no room for the
// rest of the capture. One that is at work has time, unless it yields again and again and nothing comes of it.
bool Trial::over(uint64_t now) const {
  if ((now - began_tsc_) / (tsc_hz_ / 1'000) < options_.run_ms) return false;
  const bool sent = rounds_ >= options_.repeat, rests = region_.worker().bell.announced();
  if (sent && rests && free_.size() + granted_ == kPackets) return true;
  const uint64_t since_ms = (now - progress_tsc_) / (tsc_hz_ / 1'000);
  return since_ms >= (rests ? options_.patience_ms : options_.patience_ms + 2 * kHang_ms);
}

uint32_t Trial::take_handle() {
  const uint32_t handle = free_.back();
  free_.pop_back();
  return handle;
}

void Trial::free_handle(uint32_t handle) {
  states_[handle] = State::free;
  reset_view(handle);
  free_.push_back(handle);
}

bool Trial::feed() {
  uint32_t fed = 0;
  for (; fed < kFeed && rounds_ < options_.repeat && deliver(capture_.frames()[next_frame_]); ++fed)
    if (++next_frame_ == capture_.frames().size()) next_frame_ = 0, ++rounds_;
  region_.worker().orders.delivered.store(result_.packets_in, std::memory_order_release);
  inbox_.publish();
  full_fence();
  return fed != 0;
}

// False: there is no room now.
bool Trial::deliver(const Capture::Frame& frame) {
  const uint32_t count = std::max(1u, (frame.length + kSegmentBytes - 1) / kSegmentBytes);
  if (inbox_.room() < count && (!inbox_.refresh() || inbox_.room() < count)) return false;
  if (free_.size() < count + kGrantsMost) return false;
  const uint8_t* from = capture_.data(frame);
  for (uint32_t i = 0, left = frame.length; i < count; ++i) {
    const uint32_t bytes = std::min(left, kSegmentBytes), handle = take_handle();
    std::copy_n(from, bytes, packet_buffer(handle) + kHeadroomBytes);
    from += bytes;
    left -= bytes;
    states_[handle] = i == 0 ? State::lent : State::segment;
    const auto more = i + 1 < count ? Descriptor::kMoreSegments : uint8_t{0};
    inbox_.stage({handle, static_cast<uint16_t>(kHeadroomBytes), static_cast<uint16_t>(bytes), PathRef::at(0, 0).word,
                  0, static_cast<uint8_t>(Descriptor::kLastHop | more)});
  }
  ++result_.packets_in;
  result_.bytes_in += frame.length;
  return true;
}

bool Trial::collect() {
  bool any = false;
  for (Descriptor d; outbox_.pop(d); any = true) {
    const bool more = (d.flags & Descriptor::kMoreSegments) != 0;
    came_.push_back(d);
    if (more) continue;
    take(came_);
    came_.clear();
  }
  outbox_.publish(true);
  return any;
}

// A whole packet that came out. Its handles are the trial's again, whatever the NF says of it.
void Trial::take(const std::vector<Descriptor>& packet) {
  const auto is_lent = [this](const Descriptor& d) { return d.handle < kPackets && states_[d.handle] != State::free; };
  if (!std::all_of(packet.begin(), packet.end(), is_lent)) {
    ++result_.refused;
    for (const Descriptor& d : packet)
      if (is_lent(d)) free_handle(d.handle);
    return;
  }
  const Verdict verdict{packet.front().word};
  const State state = states_[packet.front().handle];
  for (const Descriptor& d : packet) granted_ -= states_[d.handle] == State::granted;
  const auto drop = [&](const char* cause) { ++result_.dropped[cause]; };
  const bool unused = state == State::granted && verdict.kind() == Verdict::kDrop;
  if (state == State::granted && !unused) ++result_.created;
  switch (verdict.kind()) {
    case Verdict::kNext:
      if (state != State::lent)
        drop("no_way");  // packets that an NF has made have no chain
      else
        leave(packet, nullptr, "");
      break;
    case Verdict::kOut:
      if (verdict.argument() >= options_.ports.size())
        drop("bad_port");
      else
        leave(packet, &result_.to_port, options_.ports[verdict.argument()]);
      break;
    case Verdict::kTo:
      if (verdict.argument() >= options_.services.size())
        drop("bad_service");
      else
        leave(packet, &result_.to_service, options_.services[verdict.argument()]);
      break;
    case Verdict::kDrop:
      if (!unused) drop("by_nf");
      break;
    default:
      drop("malformed");
  }
  for (const Descriptor& d : packet) free_handle(d.handle);
}

void Trial::leave(const std::vector<Descriptor>& packet, std::map<std::string, uint64_t>* where,
                  const std::string& name) {
  uint32_t bytes = 0;
  for (const Descriptor& d : packet) {
    if (uint32_t{d.data_offset} + d.data_bytes > kBufferBytes) {
      ++result_.dropped["malformed"];
      return;
    }
    bytes += d.data_bytes;
  }
  for (size_t i = 0; i < packet.size(); ++i) {
    rte_mbuf& segment = segments_[i];
    segment.buf_addr = packet_buffer(packet[i].handle);
    segment.data_off = packet[i].data_offset;
    segment.data_len = packet[i].data_bytes;
    segment.pkt_len = bytes;
    segment.nb_segs = static_cast<uint16_t>(packet.size());
    segment.next = i + 1 < packet.size() ? &segments_[i + 1] : nullptr;
  }
  rte_mbuf* head = segments_.data();
  if (writer_ != nullptr && writer_->write(&head, 1) != 1)
    fail("capture '{}': cannot be written any further after {} packets; is the disk full?", options_.out,
         result_.packets_out);
  ++result_.packets_out;
  result_.bytes_out += bytes;
  ++(where == nullptr ? result_.next : (*where)[name]);
}

bool Trial::grant() {
  const uint32_t wanted = std::min(region_.worker().grants_wanted.load(std::memory_order_relaxed), kGrantsMost);
  const uint32_t before = granted_;
  while (granted_ < wanted && !free_.empty() && (grants_.room() != 0 || (grants_.refresh() && grants_.room() != 0))) {
    const uint32_t handle = take_handle();
    states_[handle] = State::granted;
    ++granted_;
    grants_.push({handle, static_cast<uint16_t>(kHeadroomBytes), 0, 0, 0, 0});
  }
  return granted_ != before;
}

// A sleeping worker is woken where packets wait for it, or its time has come.
void Trial::wake() {
  Doorbell& bell = region_.worker().bell;
  if (!bell.announced()) return;
  const WorkerReport& report = region_.worker().report;
  const bool waits =
      region_.worker().orders.delivered.load(std::memory_order_relaxed) != report.taken.load(std::memory_order_relaxed);
  if (!waits && report.deadline_tsc.load(std::memory_order_relaxed) > tsc_now()) return;
  if (bell.park() && bell.release()) bell.unblock(WaitMode::futex);
}

void Trial::look_for_a_runaway(uint64_t now) {
  const WorkerReport& report = region_.worker().report;
  const uint64_t dispatches = report.dispatches.load(std::memory_order_relaxed);
  if (std::exchange(dispatches_seen_, dispatches) != dispatches ||
      report.current_nf.load(std::memory_order_relaxed) != 0)
    dispatch_since_tsc_ = now;
  if ((now - dispatch_since_tsc_) / (tsc_hz_ / 1'000) < kHang_ms) return;
  fail(
      "NF '{}': has not come back from process() for {} s, after {} packets; a manager takes its worker away from it "
      "after overrun_us. Let it return, or call roost::yield() in between",
      result_.nf, kHang_ms / 1'000, region_.nf(0).packets.load(std::memory_order_relaxed));
}

}  // namespace roost
