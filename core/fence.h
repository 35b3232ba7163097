// SPDX-License-Identifier: BSD-3-Clause
// The one place that orders a store before a later load of another location (announce, fence, recheck).
#pragma once

#include <atomic>

namespace roost {

// Thread sanitizer does not model standalone fences; a sequentially consistent read-modify-write on a location that
// every thread shares gives it the same edges.
inline void full_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
  static std::atomic<unsigned> meeting_point{0};
  meeting_point.fetch_add(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace roost
