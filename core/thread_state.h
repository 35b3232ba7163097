// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

namespace roost {

// It runs, or would if a processor were free for it. False too where there is no such thread.
bool wants_processor(pid_t process, pid_t thread);

}  // namespace roost
