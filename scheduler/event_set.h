// SPDX-License-Identifier: BSD-3-Clause
// Descriptors to wait for, each with a mark that says what it is. Waiting costs what is readable, not what is watched.
#pragma once

#include <cstdint>
#include <vector>

#include "core/shared_memory.h"

namespace roost {

class EventSet {
 public:
  static constexpr int kAtOnce = 256;

  EventSet();  // throws Error

  int fd() const noexcept { return epoll_.get(); }  // readable when one of them is
  void watch(int descriptor, uint64_t mark);        // until it is closed; throws Error
  void forget(int descriptor) noexcept;
  // The marks of those that are readable or closed by their peer, kAtOnce at most; what isn't dealt with comes again.
  std::vector<uint64_t> ready(int patience_ms = 0) const;

 private:
  FileDescriptor epoll_;
};

}  // namespace roost
