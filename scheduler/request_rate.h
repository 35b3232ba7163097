// SPDX-License-Identifier: BSD-3-Clause
// How many requests in a second: a bucket that holds a second's worth and fills evenly.
#pragma once

#include <algorithm>
#include <cstdint>

namespace roost {

class RequestRate {
 public:
  // Whether one more may be had now; `now_us` never goes back. The limit may change between calls; 0: there is none.
  bool take(uint64_t now_us, uint64_t per_s) noexcept {
    if (per_s == 0) return true;
    const double most = static_cast<double>(per_s);
    if (filled_us_ == 0)
      left_ = most;
    else
      left_ = std::min(most, left_ + static_cast<double>(now_us - filled_us_) * most / 1e6);
    filled_us_ = std::max<uint64_t>(now_us, 1);
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  double left_ = 0;
  uint64_t filled_us_ = 0;  // 0: not yet, and so full
};

}  // namespace roost
