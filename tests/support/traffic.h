// SPDX-License-Identifier: BSD-3-Clause
// Real captures for tests, where there are any: in $ROOST_TRAFFIC_DIR, or in ../shared/traffic beside the sources.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace roost::test {

// Empty where there is none of that name: then tests make their own traffic, and say so.
// `sources`: the root of the source tree.
inline std::string real_capture(const std::string& sources, const std::string& name) {
  const char* folder = std::getenv("ROOST_TRAFFIC_DIR");
  const std::filesystem::path path =
      std::filesystem::path(folder != nullptr ? std::string(folder) : sources + "/../shared/traffic") / name;
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) ? path.string() : "";
}

}  // namespace roost::test
