// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/shared_memory.h"

namespace roost {

ServiceNotifier::ServiceNotifier() {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path != nullptr && (path[0] == '/' || path[0] == '@') && std::strlen(path) < sizeof sockaddr_un().sun_path)
    path_ = path;
  unsetenv("NOTIFY_SOCKET");
}

bool ServiceNotifier::tell(std::string_view state) const noexcept {
  if (path_.empty()) return false;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path_.data(), path_.size());
  if (path_[0] == '@') to.sun_path[0] = '\0';  // in the abstract namespace
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  return socket && sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                          reinterpret_cast<const sockaddr*>(&to), bytes) == static_cast<ssize_t>(state.size());
}

}  // namespace roost
