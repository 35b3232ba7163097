// SPDX-License-Identifier: BSD-3-Clause
#include "core/thread_state.h"

#include <fmt/format.h>

#include <fstream>
#include <string>

namespace roost {

// proc(5), /proc/pid/task/tid/stat: the state follows the name, which is in parentheses and may have some itself.
bool wants_processor(pid_t process, pid_t thread) {
  std::string stat;
  std::getline(std::ifstream(fmt::format("/proc/{}/task/{}/stat", process, thread)), stat);
  const size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.compare(name_end, 3, ") R") == 0;
}

}  // namespace roost
