// SPDX-License-Identifier: BSD-3-Clause
// Which flow the generator's next packet belongs to. The same seed gives the same flows in the same order.
#pragma once

#include <cstdint>
#include <vector>

#include "core/port_config.h"

namespace roost {

class FlowPicker {
 public:
  // zipf_s is used by kZipf only. Throws Error where flows or zipf_s is out of range.
  FlowPicker(FlowDistribution distribution, uint32_t flows, double zipf_s, uint64_t seed);

  // 64 random bits: xorshift64*, good enough for traffic and three cycles long.
  uint64_t random() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }

  void pick(uint32_t* flows, uint32_t count) noexcept {
    if (picks_.empty()) {
      for (uint32_t i = 0; i < count; ++i) flows[i] = below(flows_, random());
      return;
    }
    for (uint32_t i = 0; i < count; ++i) flows[i] = picks_[cursor_++ & mask_];
  }

  // `random` scaled to 0 .. bound-1, by its upper half.
  static uint32_t below(uint32_t bound, uint64_t random) noexcept {
    return static_cast<uint32_t>(((random >> 32) * bound) >> 32);
  }

 private:
  void draw_zipf(double zipf_s);

  const uint32_t flows_;
  uint64_t state_;
  // Zipf: drawn ahead, so that a packet costs one sequential load instead of two random ones; it repeats after
  // mask_ + 1 packets. Uniform: empty, drawing is cheaper than any table.
  std::vector<uint32_t> picks_;
  uint32_t mask_ = 0;
  uint32_t cursor_ = 0;
};

}  // namespace roost
