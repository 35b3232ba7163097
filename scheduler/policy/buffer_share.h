// SPDX-License-Identifier: BSD-3-Clause
// How many of the pool's packets may one owner have? Dynamic thresholds, as in shared-memory switches (A. Choudhury,
// E. Hahne: Dynamic queue length thresholds for shared-memory packet switches, IEEE/ACM Transactions on Networking
// 6(2), 1998): as many as alpha times those that are free at this moment. One owner that gives nothing back ends with
// alpha / (1 + alpha) of the pool, S of them with S * alpha / (1 + S * alpha) together, and something is always left
// for who comes next. Where the pool is nearly free nobody notices.
//
// Two levels: a host's limit follows the free packets of the pool; an NF's inbox may hold as many as its host has left
// of that, so that the NFs of one host leave each other room, too.
#pragma once

#include <algorithm>
#include <cstdint>

namespace roost {

inline constexpr uint32_t kNoBufferLimit = UINT32_MAX;

// The reference: everybody takes what there is.
struct NoThreshold {
  constexpr uint32_t limit(uint32_t /*free_packets*/) const noexcept { return kNoBufferLimit; }
};

struct DynamicThreshold {
  uint32_t alpha_percent = 100;  // 0: the reference

  // An owner with this many packets gets no more.
  constexpr uint32_t limit(uint32_t free_packets) const noexcept {
    if (alpha_percent == 0) return NoThreshold{}.limit(free_packets);
    return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{free_packets} * alpha_percent / 100, kNoBufferLimit));
  }
};

// What an owner may have besides what it has.
constexpr uint32_t buffer_left(uint32_t limit, uint32_t owned) noexcept { return limit > owned ? limit - owned : 0; }

}  // namespace roost
