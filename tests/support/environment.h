// SPDX-License-Identifier: BSD-3-Clause
// Numbers that make a long run of a test, from the environment.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace roost::test {

// The standard where it is not set. Throws std::invalid_argument, which fails the test, for what is no whole number.
inline uint64_t from_environment(const char* name, uint64_t standard) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return standard;
  char* end = nullptr;
  const uint64_t value = std::strtoull(text, &end, 10);
  if (end == text || *end != 0 || *text == '-')
    throw std::invalid_argument(std::string(name) + "='" + text + "' is no whole number");
  return value;
}

}  // namespace roost::test
