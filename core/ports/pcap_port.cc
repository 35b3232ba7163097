// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/pcap_port.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace roost {

PcapPort::PcapPort(const PortConfig& config, uint16_t index, rte_mempool* pool, uint64_t tsc_hz)
    : Port(config.name, index),
      pool_(pool),
      loop_(config.pcap.loop),
      recorded_(config.pcap.pace == CapturePace::kRecorded),
      tsc_per_ns_(static_cast<double>(tsc_hz) / 1e9),
      room_bytes_(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM) {
  const PcapOptions& options = config.pcap;
  if (options.read.empty() && options.write.empty()) fail("neither read nor write is given; name a capture file");
  std::error_code ignored;  // a file that doesn't exist is equivalent to none
  if (!options.read.empty() && std::filesystem::equivalent(options.read, options.write, ignored)) {
    fail("reads and writes the same capture '{}'; name another file to write", options.read);
  }
  if (!options.read.empty()) {
    capture_ = Capture::load(options.read);
    const auto& frames = capture_->frames();
    if (std::none_of(frames.begin(), frames.end(), [](const Capture::Frame& frame) {
          return frame.length >= kPortFrameBytesMin && frame.length <= kPortFrameBytesMax;
        })) {
      fail("capture '{}' has no frame of {} to {} bytes; name one that has", options.read, kPortFrameBytesMin,
           kPortFrameBytesMax);
    }
    const uint64_t mean_gap_ns = frames.size() > 1 ? capture_->duration_ns() / (frames.size() - 1) : 1'000'000;
    round_tsc_ = static_cast<uint64_t>(static_cast<double>(capture_->duration_ns() + mean_gap_ns) * tsc_per_ns_);
  }
  if (!options.write.empty()) writer_.emplace(options.write);
}

uint16_t PcapPort::receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept {
  if (finished()) return 0;
  if (round_start_tsc_ == 0) round_start_tsc_ = now_tsc;
  uint16_t taken = 0;
  uint64_t bytes = 0;
  // Bounded: runts between the packets may not turn one call into a walk through the whole capture.
  for (uint32_t looked_at = 0; taken < count && looked_at < 2U * count && !finished(); ++looked_at) {
    const Capture::Frame& frame = capture_->frames()[next_];
    const uint64_t due = recorded_ ? due_tsc() : now_tsc;
    if (due > now_tsc) break;
    if (!drop_unfit(frame.length)) {
      rte_mbuf* mbuf = make_packet(frame);
      if (mbuf == nullptr) break;  // the pool is empty; the frame waits
      packets[taken] = mbuf;
      stamps_tsc[taken] = due;
      ++taken;
      bytes += frame.length;
    }
    advance();
  }
  counters_.received.add(taken);
  counters_.received_bytes.add(bytes);
  return taken;
}

bool PcapPort::drop_unfit(uint32_t length) noexcept {
  if (length < kPortFrameBytesMin) {
    counters_.receive_dropped.runt.add(1);
    return true;
  }
  if (length > kPortFrameBytesMax) {
    counters_.receive_dropped.oversize.add(1);
    return true;
  }
  return false;
}

rte_mbuf* PcapPort::make_packet(const Capture::Frame& frame) noexcept {
  rte_mbuf* const head = rte_pktmbuf_alloc(pool_);
  if (head == nullptr) return nullptr;
  head->port = index();
  head->pkt_len = frame.length;
  const uint8_t* from = capture_->data(frame);
  rte_mbuf* segment = head;
  for (uint32_t left = frame.length;;) {
    const uint32_t part = std::min(left, room_bytes_);
    std::memcpy(rte_pktmbuf_mtod(segment, void*), from, part);
    segment->data_len = static_cast<uint16_t>(part);
    from += part;
    left -= part;
    if (left == 0) return head;
    segment->next = rte_pktmbuf_alloc(pool_);
    if (segment->next == nullptr) {
      rte_pktmbuf_free(head);
      return nullptr;
    }
    segment = segment->next;
    ++head->nb_segs;
  }
}

uint64_t PcapPort::due_tsc() const noexcept {
  const uint64_t time_ns = capture_->frames()[next_].time_ns;
  return round_start_tsc_ + static_cast<uint64_t>(static_cast<double>(time_ns) * tsc_per_ns_);
}

void PcapPort::advance() noexcept {
  if (++next_ < capture_->frames().size() || !loop_) return;
  next_ = 0;
  round_start_tsc_ += round_tsc_;
}

uint16_t PcapPort::transmit(rte_mbuf** packets, uint16_t count) noexcept {
  if (!writer_) {
    discard(packets, count);
    return count;
  }
  const uint16_t written = writer_->write(packets, count);
  discard(packets, written);
  if (written < count) {
    // A full disk won't empty for waiting, and a port never blocks its loop.
    rte_pktmbuf_free_bulk(packets + written, count - written);
    counters_.transmit_dropped.add(count - written);
  }
  return count;
}

uint64_t PcapPort::next_receive_tsc() const noexcept {
  if (finished()) return kNeverTsc;
  return recorded_ && round_start_tsc_ != 0 ? due_tsc() : 0;
}

bool PcapPort::finished() const noexcept { return !capture_ || next_ == capture_->frames().size(); }

}  // namespace roost
