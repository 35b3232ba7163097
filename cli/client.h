// SPDX-License-Identifier: BSD-3-Clause
// An operator's connection to a manager: one request, one answer (core/protocol.h). One thread. Treats what comes back
// as input from elsewhere: a wrong, endless or missing answer is an Error, never a crash or an endless wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/protocol.h"
#include "core/socket.h"

namespace roost::cli {

// Nobody listens, or who listened has gone: `roost` ends with 3 then.
class NoManager : public Error {
 public:
  using Error::Error;
};

// The descriptor given to interrupted_by() became readable: the user wants to end.
class Interrupted : public Error {
 public:
  using Error::Error;
};

inline constexpr size_t kAnswerBytesMax = size_t{64} << 20;
inline constexpr std::chrono::seconds kPatience{30};

class Client {
 public:
  // Throws NoManager, or Error where a manager is there that may not be spoken to.
  explicit Client(std::string path);

  void interrupted_by(int fd) noexcept { interrupt_fd_ = fd; }
  const std::string& path() const noexcept { return path_; }
  pid_t manager_pid() const { return peer_of(socket_.get()).pid; }

  // The result. Throws Error with the manager's words where it refuses, and NoManager where it goes.
  Json call(std::string_view method, Json parameters = Json::object(), std::chrono::milliseconds patience = kPatience);

  // Until the manager closes the connection. False: it has not in time.
  bool wait_for_close(std::chrono::milliseconds patience);

 private:
  std::string receive(std::string_view method, std::chrono::milliseconds patience);
  void wait_readable(std::string_view method, std::chrono::steady_clock::time_point until) const;

  std::string path_;
  FileDescriptor socket_;
  std::string buffer_;
  uint64_t last_id_ = 0;
  int interrupt_fd_ = -1;
};

}  // namespace roost::cli
