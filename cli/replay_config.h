// SPDX-License-Identifier: BSD-3-Clause
// A manager's configuration with its ports changed: a capture comes in by one of them, and nothing by the others.
#pragma once

#include <string>

namespace roost::cli {

struct Replay {
  std::string capture;  // an absolute path; replayed again and again at its recorded pace
  std::string port;     // by which it comes in; empty: the first one that has a chain
};

// `text` is TOML, of the file `name`. Chains, services, rules and settings stay as they are; ports keep their names,
// places and chains, and what is sent to them is discarded. Throws Error where the text is no TOML, or has no such
// port.
std::string replay_config(const std::string& text, const std::string& name, const Replay& replay);

}  // namespace roost::cli
