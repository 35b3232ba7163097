// SPDX-License-Identifier: BSD-3-Clause
// Errors of set-up and control code. Packet code is noexcept and counts instead.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace roost {

// What went wrong, with what, and what helps: "port 'net0': no such interface 'veth9'; interfaces here: lo, veth0".
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// As fail(), with the text of errno behind it.
template <typename... Args>
[[noreturn]] void fail_errno(fmt::format_string<Args...> format, Args&&... args) {
  const int code = errno;
  throw Error(fmt::format("{}: {}", fmt::format(format, std::forward<Args>(args)...), std::strerror(code)));
}

}  // namespace roost
