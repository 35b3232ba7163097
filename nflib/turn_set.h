// SPDX-License-Identifier: BSD-3-Clause
// The NFs of a worker that are to have a turn. They have it in the order of their numbers, in a circle: what neighbours
// touch lies side by side, and no NF waits for more than one turn of each other. Two levels, so that going round looks
// at one word for 4,096 NFs that have nothing to do.
#pragma once

#include <bit>
#include <cstdint>

#include "core/lazy_array.h"

namespace roost {

class TurnSet {
 public:
  explicit TurnSet(uint32_t nfs_max) : words_((nfs_max + 63) / 64), summaries_((nfs_max + 4095) / 4096) {}

  bool empty() const noexcept { return size_ == 0; }

  // It must not be in the set.
  void add(uint32_t nf) noexcept {
    words_[nf / 64] |= uint64_t{1} << (nf % 64);
    summaries_[nf / 4096] |= uint64_t{1} << (nf / 64 % 64);
    ++size_;
  }

  // Takes up to `room` of them, from where the last call stopped, and not beyond the last. Returns how many. Whoever
  // takes the last is at the start again.
  uint32_t take(uint32_t* nfs, uint32_t room) noexcept {
    uint32_t taken = 0;
    while (taken < room && size_ != 0) {
      const uint32_t word = next_word(at_ / 64);
      if (word == kNone) {
        at_ = 0;
        break;
      }
      if (word != at_ / 64) at_ = word * 64;
      uint64_t bits = words_[word] >> (at_ % 64) << (at_ % 64);
      const uint64_t before = words_[word] ^ bits;
      for (; bits != 0 && taken < room; bits &= bits - 1)
        nfs[taken++] = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
      words_[word] = before | bits;
      if (words_[word] == 0) summaries_[word / 64] &= ~(uint64_t{1} << (word % 64));
      at_ = bits != 0 ? word * 64 + static_cast<uint32_t>(std::countr_zero(bits)) : (word + 1) * 64;
    }
    size_ -= taken;
    if (size_ == 0) at_ = 0;
    return taken;
  }

  // Whether the next call begins with the first of them.
  bool at_start() const noexcept { return at_ == 0; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The next with a bit set, this one or a later one.
  uint32_t next_word(uint32_t word) const noexcept {
    for (uint32_t summary = word / 64; summary < summaries_.size(); ++summary, word = summary * 64)
      if (const uint64_t bits = summaries_[summary] >> (word % 64); bits != 0)
        return word + static_cast<uint32_t>(std::countr_zero(bits));
    return kNone;
  }

  LazyArray<uint64_t> words_, summaries_;
  uint32_t at_ = 0;  // the number that take() goes on with
  uint32_t size_ = 0;
};

}  // namespace roost
