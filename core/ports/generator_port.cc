// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/generator_port.h"

#include <rte_mbuf.h>

#include <algorithm>

#include "core/error.h"

namespace roost {
namespace {

constexpr uint16_t kGeneratedBurstMax = 256;
constexpr uint16_t kImixBytes[12] = {64, 64, 64, 64, 64, 64, 64, 570, 570, 570, 570, 1518};

void check(const GeneratorOptions& options, rte_mempool* pool, uint64_t tsc_hz) {
  if (options.frame_bytes < kGeneratorFrameBytesMin || options.frame_bytes > kGeneratorFrameBytesMax) {
    fail("frame_bytes = {} is out of range; use {} to {}", options.frame_bytes, kGeneratorFrameBytesMin,
         kGeneratorFrameBytesMax);
  }
  if (options.rate_pps > tsc_hz) {
    fail("rate_pps = {} is above the TSC's {} Hz; use 0 for as fast as possible", options.rate_pps, tsc_hz);
  }
  const uint32_t needed = options.imix ? kGeneratorFrameBytesMax : options.frame_bytes;
  const uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
  if (needed > room) {
    fail("frames of {} bytes don't fit the packet buffers of {}; use smaller frames or larger buffers", needed, room);
  }
}

}  // namespace

GeneratorPort::GeneratorPort(const PortConfig& config, uint16_t index, rte_mempool* pool, uint64_t tsc_hz)
    : Port(config.name, index),
      fresh_(pool, index),
      options_(config.generator),
      frames_(options_.ip_version, options_.seed),
      picker_(options_.distribution, options_.flows, options_.zipf_s, options_.seed),
      schedule_(options_.rate_pps, tsc_hz),
      left_(options_.count == 0 ? UINT64_MAX : options_.count) {
  check(options_, pool, tsc_hz);
}

uint16_t GeneratorPort::receive(rte_mbuf** packets, uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept {
  schedule_.start_once(now_tsc);
  if (options_.backlog_packets != 0) miss_beyond_backlog(now_tsc);
  auto due =
      static_cast<uint16_t>(schedule_.due_count(now_tsc, std::min<uint64_t>({count, kGeneratedBurstMax, left_})));
  // With the pool (nearly) empty, what isn't sent now stays due and goes out late, with its stamp.
  while (due != 0 && !fresh_.take(packets, due)) due /= 2;
  if (due == 0) return 0;

  uint32_t flows[kGeneratedBurstMax];
  picker_.pick(flows, due);
  uint64_t bytes_all = 0;
  for (uint16_t i = 0; i < due; ++i) {
    const uint32_t bytes = frame_bytes();
    frames_.write(fresh_.prepare(packets[i], bytes), flows[i], bytes);
    bytes_all += bytes;
  }
  stamp(stamps_tsc, due, now_tsc);
  if (options_.count != 0) left_ -= due;
  counters_.received.add(due);
  counters_.received_bytes.add(bytes_all);
  return due;
}

void GeneratorPort::miss_beyond_backlog(uint64_t now_tsc) noexcept {
  if (!schedule_.paced()) return;
  // Bounded a call: a loop that slept for long catches up over several.
  constexpr uint64_t kMissedMax = 4096;
  const uint64_t due = schedule_.due_count(now_tsc, std::min(left_, options_.backlog_packets + kMissedMax));
  if (due <= options_.backlog_packets) return;
  const uint64_t missed = due - options_.backlog_packets;
  for (uint64_t i = 0; i < missed; ++i) schedule_.take();
  if (options_.count != 0) left_ -= missed;
  counters_.receive_dropped.missed.add(missed);
}

void GeneratorPort::stamp(uint64_t* stamps_tsc, uint16_t count, uint64_t now_tsc) noexcept {
  if (!schedule_.paced()) {
    std::fill_n(stamps_tsc, count, now_tsc);
    return;
  }
  // due_count() rounds: never a stamp from the future.
  for (uint16_t i = 0; i < count; ++i) stamps_tsc[i] = std::min(schedule_.take(), now_tsc);
}

uint32_t GeneratorPort::frame_bytes() noexcept {
  return options_.imix ? kImixBytes[FlowPicker::below(12, picker_.random())] : options_.frame_bytes;
}

uint16_t GeneratorPort::transmit(rte_mbuf** packets, uint16_t count) noexcept {
  discard(packets, count);
  return count;
}

uint64_t GeneratorPort::next_receive_tsc() const noexcept {
  if (finished()) return kNeverTsc;
  return schedule_.paced() ? schedule_.due_tsc() : 0;
}

}  // namespace roost
