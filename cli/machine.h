// SPDX-License-Identifier: BSD-3-Clause
// The machine that figures were measured on, and the cores that we may use.
#pragma once

#include <cstdint>
#include <vector>

#include "core/protocol.h"

namespace roost::cli {

// {cpu, cores, kernel, memory_kib, hugepages: {total, free, kib}}; what can't be read is empty or 0.
Json machine_facts();
// In ascending order, never empty.
std::vector<uint32_t> usable_cores();
// CPU time that a process's threads have used, seconds; 0 where it has gone.
double cpu_seconds_of(int pid);

}  // namespace roost::cli
