// SPDX-License-Identifier: BSD-3-Clause
// A binary heap of things that know their place in it, so that any of them can leave: push, pop and remove cost
// O(log n). It allocates in reserve() only. T has `uint32_t place`, kNowhere while it is in no heap; Before orders two.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace roost {

inline constexpr uint32_t kNowhere = UINT32_MAX;

template <typename T, typename Before>
class IndexedHeap {
 public:
  void reserve(size_t count) {
    if (items_.capacity() < count) items_.reserve(std::max(count, 2 * items_.capacity()));
  }
  bool empty() const noexcept { return items_.empty(); }
  size_t size() const noexcept { return items_.size(); }
  T& top() const noexcept { return *items_.front(); }

  void push(T& item) noexcept {
    items_.push_back(&item);
    rise(static_cast<uint32_t>(items_.size() - 1));
  }
  void remove(T& item) noexcept {
    const uint32_t gap = std::exchange(item.place, kNowhere);
    T* const last = items_.back();
    items_.pop_back();
    if (last == &item) return;
    put(gap, last);
    moved(*last);
  }
  // What orders this one has changed.
  void moved(T& item) noexcept {
    rise(item.place);
    sink(item.place);
  }

 private:
  void put(uint32_t place, T* item) noexcept {
    items_[place] = item;
    item->place = place;
  }
  void rise(uint32_t place) noexcept {
    T* const item = items_[place];
    for (; place != 0 && before_(*item, *items_[(place - 1) / 2]); place = (place - 1) / 2)
      put(place, items_[(place - 1) / 2]);
    put(place, item);
  }
  void sink(uint32_t place) noexcept {
    T* const item = items_[place];
    const auto size = static_cast<uint32_t>(items_.size());
    for (uint32_t child; (child = 2 * place + 1) < size; place = child) {
      if (child + 1 < size && before_(*items_[child + 1], *items_[child])) ++child;
      if (!before_(*items_[child], *item)) break;
      put(place, items_[child]);
    }
    put(place, item);
  }

  std::vector<T*> items_;
  [[no_unique_address]] Before before_;
};

}  // namespace roost
