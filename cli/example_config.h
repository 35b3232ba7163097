// SPDX-License-Identifier: BSD-3-Clause
// The configuration of `roost demo`, and of `roost up` without one: a source of packets, a chain of services, a sink.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/protocol.h"

namespace roost::cli {

struct ExampleConfig {
  std::vector<std::string> services{"firewall", "counter", "forward"};
  uint32_t flows = 10'000;
  uint64_t rate_pps = 20'000;
  std::string capture;     // replayed in a loop instead of the generator, at its recorded pace
  bool line_pace = false;  // or as fast as it is taken
};

// What an NF of one of its services is told. The firewall has a rule, so that it looks at packets.
Json example_nf_config(const std::string& service);

// TOML, as docs/configuration.md describes it.
std::string example_config(const ExampleConfig& example);

}  // namespace roost::cli
