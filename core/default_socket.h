// SPDX-License-Identifier: BSD-3-Clause
// Where a manager listens, and operators look for it, when nobody says otherwise.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/error.h"

namespace roost {

// $ROOST_SOCKET, else $XDG_RUNTIME_DIR/roost.sock, else /run/roost.sock for root. There is no fallback in /tmp: anybody
// could listen there first. Throws Error where none of the three is.
inline std::string default_socket() {
  const char* named = std::getenv("ROOST_SOCKET");
  if (named != nullptr && *named != '\0') return named;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime != '\0') return std::string(runtime) + "/roost.sock";
  if (geteuid() == 0) return "/run/roost.sock";
  fail("no place for the control socket; name one with --socket, or set ROOST_SOCKET or XDG_RUNTIME_DIR");
}

}  // namespace roost
