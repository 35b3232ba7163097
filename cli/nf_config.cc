// SPDX-License-Identifier: BSD-3-Clause
#include "cli/nf_config.h"

#include <fstream>
#include <sstream>

#include "cli/command.h"

namespace roost::cli {

Json parse_nf_config(const std::string& option) {
  std::string text = option;
  if (option.starts_with('@')) {
    std::ifstream file(option.substr(1));
    if (!file) throw UsageError(fmt::format("--config {}: cannot read '{}'", option, option.substr(1)));
    text = (std::ostringstream() << file.rdbuf()).str();
  }
  try {
    Json config = Json::parse(text);
    if (config.is_object()) return config;
  } catch (const Json::parse_error& error) {
    throw UsageError(fmt::format(
        "--config: not JSON at byte {}; it takes an object such as '{{\"cycles\": 500}}', or @FILE", error.byte));
  }
  throw UsageError("--config: JSON, but no object; it takes one such as '{\"cycles\": 500}', or @FILE");
}

}  // namespace roost::cli
