// SPDX-License-Identifier: BSD-3-Clause
// The ready bitmap: which NFs of a worker have packets. Two levels, so that a worker looks at one summary bit for 64
// NFs, and one producer (the data loop), one consumer (the worker).
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace roost {

class ReadyBitmap {
 public:
  ReadyBitmap() = default;
  // Arrays in shared memory, zeroed: words_for(nfs) and summaries_for(nfs) long.
  ReadyBitmap(std::atomic<uint64_t>* words, std::atomic<uint64_t>* summaries, uint32_t summary_count) noexcept
      : words_(words), summaries_(summaries), summary_count_(summary_count) {}

  static constexpr uint32_t words_for(uint32_t nfs) noexcept { return (nfs + 63) / 64; }
  static constexpr uint32_t summaries_for(uint32_t nfs) noexcept { return (nfs + 4095) / 4096; }

  const void* word_of(uint32_t nf) const noexcept { return &words_[nf / 64]; }

  void mark(uint32_t nf) noexcept { mark(nf / 64, uint64_t{1} << (nf % 64)); }

  // Producer, after the packets were published and a full fence: whoever clears the bits later will see the packets.
  // Writes only where one is clear.
  void mark(uint32_t index, uint64_t bits) noexcept {
    const uint64_t word_bit = uint64_t{1} << (index % 64);
    auto& word = words_[index];
    auto& summary = summaries_[index / 64];
    if ((word.load(std::memory_order_relaxed) & bits) == bits) return;
    word.fetch_or(bits);
    // The consumer clears the summary first and then the word: a summary seen set here is still to be taken, and the
    // word with it. (Results unused: one locked instruction each, no loop.)
    if ((summary.load(std::memory_order_seq_cst) & word_bit) == 0) summary.fetch_or(word_bit);
  }

  bool any() const noexcept {
    for (uint32_t s = 0; s < summary_count_; ++s)
      if (summaries_[s].load(std::memory_order_seq_cst) != 0) return true;
    return false;
  }

  // Consumer: takes up to `room` ready NFs into `nfs`, starting behind where the last call stopped, so that no NF waits
  // for more than one round of the others. Their bits are clear afterwards. Returns how many.
  uint32_t take(uint32_t* nfs, uint32_t room) noexcept {
    uint32_t taken = 0;
    for (uint32_t turn = 0; turn <= summary_count_ && taken < room; ++turn) {
      if (left_bits_ == 0 && left_words_ == 0) {
        summary_ = summary_ + 1 < summary_count_ ? summary_ + 1 : 0;
        if (summaries_[summary_].load(std::memory_order_relaxed) == 0) continue;
        left_words_ = summaries_[summary_].exchange(0);
      }
      while (taken < room && (left_bits_ | left_words_) != 0) {
        if (left_bits_ == 0) {
          word_ = summary_ * 64 + static_cast<uint32_t>(std::countr_zero(left_words_));
          left_words_ &= left_words_ - 1;
          left_bits_ = words_[word_].exchange(0);
        }
        for (; left_bits_ != 0 && taken < room; left_bits_ &= left_bits_ - 1)
          nfs[taken++] = word_ * 64 + static_cast<uint32_t>(std::countr_zero(left_bits_));
      }
    }
    return taken;
  }

  // Consumer: NFs that take() has cleared in the shared words and not handed out yet.
  bool holds_back() const noexcept { return (left_bits_ | left_words_) != 0; }

 private:
  std::atomic<uint64_t>* words_ = nullptr;
  std::atomic<uint64_t>* summaries_ = nullptr;
  uint32_t summary_count_ = 0;
  uint32_t summary_ = 0, word_ = 0;          // consumer's place
  uint64_t left_words_ = 0, left_bits_ = 0;  // consumer: taken from the shared words, not handed out yet
};

}  // namespace roost
