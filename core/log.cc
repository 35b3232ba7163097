// SPDX-License-Identifier: BSD-3-Clause
#include "core/log.h"

#include <spdlog/spdlog.h>

namespace roost {

void start_log(const std::string& least) {
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(least));
}

void log_line(LogLevel level, std::string_view text) {
  spdlog::log(level == LogLevel::info ? spdlog::level::info : spdlog::level::warn, text);
}

}  // namespace roost
