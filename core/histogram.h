// SPDX-License-Identifier: BSD-3-Clause
// A histogram of durations with a relative error of at most 1/128, in the manner of HdrHistogram (G. Tene): 64 linear
// steps an octave. One writer; readers take copies.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace roost {

class Histogram {
 public:
  void record(uint64_t value, uint64_t count = 1) noexcept {
    auto& bin = bins_[index(value)];
    bin.store(bin.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void clear() noexcept {
    for (auto& bin : bins_) bin.store(0, std::memory_order_relaxed);
  }
  // All that another one has.
  void add(const Histogram& other) noexcept {
    for (uint32_t i = 0; i < kBins; ++i)
      bins_[i].store(bins_[i].load(std::memory_order_relaxed) + other.bins_[i].load(std::memory_order_relaxed),
                     std::memory_order_relaxed);
  }
  uint64_t count() const noexcept {
    uint64_t sum = 0;
    for (const auto& bin : bins_) sum += bin.load(std::memory_order_relaxed);
    return sum;
  }
  // The value that `share` (0 to 1) of all values do not exceed; 0 for an empty histogram.
  uint64_t quantile(double share) const noexcept {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(count()) + 0.5);
    uint64_t sum = 0;
    uint64_t last = 0;
    for (uint32_t i = 0; i < kBins; ++i) {
      const uint64_t here = bins_[i].load(std::memory_order_relaxed);
      if (here == 0) continue;
      sum += here;
      last = middle(i);
      if (sum >= wanted) return last;
    }
    return last;
  }

 private:
  static constexpr uint32_t kStepBits = 6, kSteps = 1u << kStepBits, kBins = (64 - kStepBits) * kSteps + kSteps;

  static uint32_t index(uint64_t value) noexcept {
    if (value < kSteps) return static_cast<uint32_t>(value);
    const auto octave = static_cast<uint32_t>(std::bit_width(value)) - kStepBits - 1;
    return octave * kSteps + static_cast<uint32_t>(value >> octave);
  }
  static uint64_t middle(uint32_t i) noexcept {
    if (i < 2 * kSteps) return i;
    const uint32_t octave = i / kSteps - 1;
    return (uint64_t{kSteps + i % kSteps} << octave) + (uint64_t{1} << octave) / 2;
  }

  std::array<std::atomic<uint64_t>, kBins> bins_{};
};

}  // namespace roost
