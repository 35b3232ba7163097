// SPDX-License-Identifier: BSD-3-Clause
// The nursery: a host process that has not attached, linked and relocated once, from which hosts are forked. So a host
// starts in about a millisecond and shares with the others all memory that it doesn't write to.
#pragma once

#include <optional>
#include <string>

#include "core/shared_memory.h"
#include "nflib/confinement.h"

namespace roost {

struct ForkRequest {
  std::string token;  // empty: this is the nursery, and the manager has closed its end
  std::optional<HostUser> user{};
};

// Serves `fork {token, core, uid?, gid?}` on a SOCK_SEQPACKET socket until the manager closes its end, and reports each
// host that ends: exited {pid, status}, status as waitpid gives it. Returns twice and more, as fork does: in the
// nursery when it is over, and in each child with the token that it shall attach with. The process must have one
// thread. Throws Error.
ForkRequest serve_nursery(FileDescriptor manager);

}  // namespace roost
