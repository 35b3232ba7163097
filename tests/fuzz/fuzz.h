// SPDX-License-Identifier: BSD-3-Clause
// What every fuzzer has: the function that libFuzzer calls, bytes taken in pieces, and a way to say that a promise does
// not hold.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes);

namespace roost::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t bytes) : at_(data), left_(bytes) {}
  bool empty() const { return left_ == 0; }
  // Zeros behind the end.
  template <typename Number>
  Number take() {
    Number value{};
    const size_t count = left_ < sizeof value ? left_ : sizeof value;
    std::memcpy(&value, at_, count);
    at_ += count;
    left_ -= count;
    return value;
  }

 private:
  const uint8_t* at_;
  size_t left_;
};

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace roost::fuzz
