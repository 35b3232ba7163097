// SPDX-License-Identifier: BSD-3-Clause
// Any text as a configuration: it is read, or refused with a reason.
#include "core/error.h"
#include "scheduler/config.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  roost::ConfigContext context;
  context.cores = {0, 1, 2, 3};
  try {
    const auto config =
        roost::parse_config(std::string_view(reinterpret_cast<const char*>(data), bytes), "fuzz", context);
    roost::fuzz::require(!config.ports.empty() && !config.cores.shared.empty(), "a configuration is whole");
  } catch (const roost::Error& error) {
    roost::fuzz::require(error.what()[0] != '\0', "a refusal says why");
  }
  return 0;
}
