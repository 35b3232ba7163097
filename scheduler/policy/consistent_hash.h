// SPDX-License-Identifier: BSD-3-Clause
// Which member of a group serves a key: AnchorHash (Mendelson, Vargaftik, Barabash, Lorenz, Keslassy, Orda,
// "AnchorHash: A Scalable Consistent Hash", IEEE/ACM Transactions on Networking, 2021), with an anchor that grows.
//
// All members get equal shares. When one leaves, only its keys move, evenly to the others; when one comes, it takes an
// equal part of each other's keys, and no key moves between old members. That holds without a bound on members: the
// paper's anchor has a fixed capacity, and making it larger would move half of all keys. Here a key's way down from
// an anchor of any capacity is defined level by level (powers of two), so that growing it moves nothing but the new
// member's keys; growth only copies the array, O(1) amortised.
//
// add and remove: O(1) amortised, and may allocate. pick: 1 + ln(most members ever / members) steps on average, each a
// few cycles and a cache line; a group that has shrunk for good from 100,000 to 100 takes 8. Not thread-safe.
#pragma once

#include <bit>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace roost {

class ConsistentHash {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // False: it is a member already (add), or isn't one (remove).
  bool add(uint32_t id);
  bool remove(uint32_t id);

  uint32_t size() const noexcept { return members_; }
  bool contains(uint32_t id) const { return bucket_of_.contains(id); }

  // kNone where there are no members. Any 64 bits will do for a key's hash, sequential numbers too.
  uint32_t pick(uint64_t hash) const noexcept {
    if (members_ == 0) return kNone;
    const uint64_t key = mix(hash, 0);
    uint32_t bucket = first_bucket(key);
    // As in the paper: a bucket that was removed sends the key on to one of those that were there at that time.
    while (rows_[bucket].members_left != 0) {
      const uint32_t left = rows_[bucket].members_left;
      uint32_t next = below(left, mix(key, bucket));
      while (rows_[next].members_left >= left) next = rows_[next].successor;
      bucket = next;
    }
    return rows_[bucket].id;
  }

 private:
  struct Row {
    uint32_t members_left;  // 0: a member's bucket; else how many members stayed when it was removed
    uint32_t successor;     // which bucket took its place among those
    uint32_t id;
  };

  static uint64_t mix(uint64_t key, uint64_t salt) noexcept {
    uint64_t x = key + (salt + 1) * 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
  }

  static uint32_t below(uint32_t bound, uint64_t random) noexcept {
    return static_cast<uint32_t>(((random >> 32) * bound) >> 32);
  }

  // Uniform over the level's buckets, 2^level to 2^(level+1) - 1. Salts above any bucket's number.
  static uint32_t in_level(uint64_t key, uint32_t level) noexcept {
    return (1U << level) + static_cast<uint32_t>(mix(key, (uint64_t{1} << 32) + level) & ((uint64_t{1} << level) - 1));
  }

  // Uniform over the buckets that were ever used; with one more of them, it changes only to that one. Bit `level` of
  // the key says whether it lies in that level of a full anchor, or in one of those below.
  uint32_t first_bucket(uint64_t key) const noexcept {
    const auto used = static_cast<uint32_t>(rows_.size());
    if (used == 1) return 0;
    const auto top = static_cast<uint32_t>(std::bit_width(used - 1)) - 1;  // the last level, perhaps used in part
    const uint64_t levels_below = (uint64_t{1} << top) - 1;
    if ((key >> top & 1) != 0) {
      uint32_t bucket = in_level(key, top);
      // A bucket never used yet counts as removed before all others of a lower number.
      while (bucket >= used) bucket = below(bucket, mix(key, bucket));
      if (bucket > levels_below) return bucket;
    }
    const uint64_t rest = key & levels_below;
    return rest == 0 ? 0 : in_level(key, static_cast<uint32_t>(std::bit_width(rest)) - 1);
  }

  std::vector<Row> rows_;                             // by bucket
  std::vector<uint32_t> working_;                     // buckets, the members' first
  std::vector<uint32_t> place_;                       // of each bucket in working_
  std::vector<uint32_t> removed_;                     // buckets, to be used again last in, first out
  std::unordered_map<uint32_t, uint32_t> bucket_of_;  // by id
  uint32_t members_ = 0;
};

}  // namespace roost
