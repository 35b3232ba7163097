// SPDX-License-Identifier: BSD-3-Clause
// Of a set of address prefixes: of which lengths are those that an address lies in? One search in a flat array of
// intervals, after a step by the address's first bits.
//
// Addresses are the first 64 bits of an IPv6 address, or an IPv4 address in the upper half; the answer is a bit for
// each length from 1, lengths from 64 on counting as 64. That may say too much (two kinds of address share an index),
// never too little.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace roost {

class PrefixIndex {
 public:
  struct Prefix {
    uint64_t address;
    uint32_t length;
    auto operator<=>(const Prefix&) const noexcept = default;
  };

  // In host order, from the 16 bytes of a packet's address or of a mask.
  static uint64_t address_of(const uint8_t* bytes) noexcept {
    uint64_t address;
    std::memcpy(&address, bytes, sizeof address);
    return __builtin_bswap64(address);
  }
  static uint32_t length_of(uint64_t mask) noexcept { return static_cast<uint32_t>(std::countl_one(mask)); }
  static uint64_t bit_of(uint32_t length) noexcept { return length == 0 ? 0 : uint64_t{1} << (length - 1); }

  PrefixIndex() : PrefixIndex(std::vector<Prefix>{}) {}
  explicit PrefixIndex(std::vector<Prefix> prefixes);

  uint64_t lengths(uint64_t address) const noexcept {
    uint32_t low = first_[address >> shift_], high = first_[(address >> shift_) + 1] + 1;
    while (high - low > 1) {  // starts_[low] <= address, and < starts_[high] if there is that one
      const uint32_t middle = low + (high - low) / 2;
      (starts_[middle] <= address ? low : high) = middle;
    }
    return lengths_[low];
  }

 private:
  std::vector<uint64_t> starts_, lengths_;  // an interval goes from its start to the next one's
  std::vector<uint32_t> first_;  // by the address's first bits: the interval that they begin in; and one more
  uint32_t shift_;
};

}  // namespace roost
