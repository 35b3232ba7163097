// SPDX-License-Identifier: BSD-3-Clause
// Which of the threads that want a core the kernel lets on first (sched(7)).
#pragma once

#include <sys/types.h>

namespace roost {

enum class ThreadOrder {
  in_turns,  // woken, it takes the core when that is free, not from one that has it (SCHED_BATCH, shortest slice)
  last,      // it runs while no other does (SCHED_IDLE)
};

// `thread`: its number in the system, 0: the caller. False: the kernel refuses; to take `last` back from a thread needs
// CAP_SYS_NICE.
bool order_thread(pid_t thread, ThreadOrder order) noexcept;

// Whether this process can take `last` back: tried, on a thread for that, since inside a user namespace capabilities do
// not tell.
bool can_take_last_back();

}  // namespace roost
