// SPDX-License-Identifier: BSD-3-Clause
// The operators' socket: reads requests (core/protocol.h), has the manager do them, answers.
#pragma once

#include <map>
#include <string>

#include "core/protocol.h"
#include "core/shared_memory.h"
#include "scheduler/manager.h"

namespace roost {

class ControlServer {
 public:
  explicit ControlServer(Manager& manager, FileDescriptor listener);

  // Serves operators, and the manager's own events, until a request or the signal descriptor says down.
  void run(int signal_fd);

  // What a request, a line of an operator's, is answered; whatever it is, it has an answer.
  Json answer(const std::string& line);

 private:
  struct Connection {
    FileDescriptor socket;
    std::string buffer;
  };

  void accept_all();
  bool serve(Connection& connection);  // false: it has ended
  Json perform(const std::string& method, const Json& parameters);
  Json spawn(const Json& parameters);
  Json stop(const Json& parameters);
  Json tell(const Json& parameters);
  Json rules(const std::string& method, const Json& parameters);
  Json get(const Json& parameters);
  Json set(const Json& parameters, bool to_value);
  static SettingScope scope_of(const Json& parameters);
  Json down();

  Manager& manager_;
  FileDescriptor listener_;
  std::map<int, Connection> connections_;
  uint64_t started_tsc_;
  bool down_ = false;
};

}  // namespace roost
