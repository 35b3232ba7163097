// SPDX-License-Identifier: BSD-3-Clause
// A zeroed array that costs address space at once and memory as it is touched; it never moves. For tables indexed by
// ids that grow densely from 0, with readers that must not be disturbed by growth.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <type_traits>
#include <utility>

#include "core/error.h"

namespace roost {

template <typename T>
class LazyArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  // large_pages: where it is large. Not for arrays of which many processes touch a little each.
  explicit LazyArray(size_t count, bool large_pages = true) : count_(count) {
    if (count == 0) return;
    void* memory =
        mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fail_errno("memory: cannot reserve {} bytes of address space", count * sizeof(T));
    // Where it grows large, large pages save translations; small ones stay as small as they are.
    if (large_pages && count * sizeof(T) >= (size_t{8} << 20)) madvise(memory, count * sizeof(T), MADV_HUGEPAGE);
    data_ = static_cast<T*>(memory);
  }
  LazyArray(LazyArray&& other) noexcept : data_(std::exchange(other.data_, nullptr)), count_(other.count_) {}
  LazyArray& operator=(LazyArray&&) = delete;
  ~LazyArray() {
    if (data_ != nullptr) munmap(data_, count_ * sizeof(T));
  }

  T& operator[](size_t i) noexcept { return data_[i]; }
  const T& operator[](size_t i) const noexcept { return data_[i]; }
  size_t size() const noexcept { return count_; }

 private:
  T* data_ = nullptr;
  size_t count_;
};

}  // namespace roost
