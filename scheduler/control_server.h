// SPDX-License-Identifier: BSD-3-Clause
// The operators' socket: reads requests (core/protocol.h), has the manager do them, answers.
#pragma once

#include <array>
#include <map>
#include <string>

#include "core/protocol.h"
#include "core/shared_memory.h"
#include "scheduler/control_access.h"
#include "scheduler/manager.h"
#include "scheduler/request_rate.h"

namespace roost {

class ControlServer {
 public:
  ControlServer(Manager& manager, FileDescriptor listener, const ControlAccess& access);

  // Serves operators, and the manager's own events, until a request or the signal descriptor says down.
  void run(int signal_fd);

  // What a request, a line of somebody's in this role, is answered; whatever it is, it has an answer.
  Json answer(const std::string& line, Role role);

 private:
  struct Connection {
    FileDescriptor socket;
    Role role;
    std::string buffer{};
    bool more = false;  // whole lines are left in it, for the next turn
    RequestRate rate{};
  };

  void accept_all();
  bool serve(Connection& connection);  // false: it has ended
  static void send(const Connection& connection, const Json& said);
  std::string refusal(const Peer& peer, Role role) const;  // of a connection; empty: it is welcome
  std::string too_many(Connection& connection);            // requests; empty: they are not
  Json perform(const std::string& method, const Json& parameters, Role role);
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
  ControlAccess access_;
  std::map<int, Connection> connections_;
  std::array<RequestRate, kRoles> rates_{};  // of all connections of a role
  bool down_ = false;
  bool accept_fails_ = false;  // and that has been said
};

}  // namespace roost
