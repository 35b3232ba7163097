// SPDX-License-Identifier: BSD-3-Clause
// What programs tell while they run, a line each on standard output. Any thread may call; not for packet code. A face
// on spdlog, which is slow to compile.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace roost {

enum class LogLevel { info, warn };

// The least that is told: trace, debug, info, warn or error; and from then on each line begins with time and level.
void start_log(const std::string& least);
void log_line(LogLevel level, std::string_view text);

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warn, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace roost
