// SPDX-License-Identifier: BSD-3-Clause
// The nursery: a host process that has not attached, linked and relocated once, from which hosts are forked. So a host
// starts in about a millisecond and shares with the others all memory that it doesn't write to.
//
// Where hosts are to outlive their manager the nursery does so, too, and keeps what another manager has to know of
// them, in memory that it does not read: what hosts are forked from holds nothing of other tenants. docs/decisions/0034
// tells the story.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "core/protocol.h"
#include "core/shared_memory.h"
#include "core/socket.h"
#include "core/socket_name.h"
#include "nflib/confinement.h"

namespace roost {

struct ForkRequest {
  std::string token{};  // empty: this is the nursery, and it is over
  std::optional<HostUser> user{};
  FileDescriptor lifeline{};  // of the host; none: it ends with its manager
};

struct NurseryOptions {
  std::string socket{};    // of the manager
  uint32_t outlive_s = 0;  // how long to wait for another manager; 0: the nursery ends with its own
};

class Nursery {
 public:
  // `manager`: a SOCK_SEQPACKET socket. Throws Error.
  Nursery(FileDescriptor manager, const NurseryOptions& options);

  // Serves until the manager says quit, or is gone and none has come in time. Reports each host that ends: exited {pid,
  // status}, status as waitpid gives it. Returns twice and more, as fork does: in the nursery when it is over, and in
  // each child with the token that it shall attach with. The process must have one thread. Throws Error.
  ForkRequest serve();

 private:
  using Clock = std::chrono::steady_clock;
  struct Child {
    FileDescriptor lifeline{};
    bool handed = false;  // to the manager that is here now
  };

  void bury_the_dead();
  std::optional<ForkRequest> answer(Message& request);  // nothing: the manager says that it is over
  Json done(const std::string& method, const Json& parameters, Message& request, FileDescriptor& with);
  Json fork_host(const Json& parameters, ForkRequest& made);
  void tell(const Json& message, const FileDescriptor& with = {});

  // nursery_waits.cc
  bool may_wait() const noexcept { return outlive_.count() != 0 && roster_ && !(children_.empty() && ended_.empty()); }
  bool lose_manager();
  void forget_told();
  void take_manager();
  void keep(Message& request);
  void keep_module(const Json& parameters, Message& request);
  Json hand(const Json& parameters, Message& request, FileDescriptor& pidfd);
  std::array<SocketName, 2> managers_names() const;
  void end_hosts();
  int patience_ms() const;

  const std::string socket_;
  const std::chrono::seconds outlive_;
  FileDescriptor manager_, signals_, listener_;
  std::array<SocketName, 2> names_;  // of the manager's sockets, which it may leave
  std::map<pid_t, Child> children_;
  // What is kept for another manager; and who ended while there was none: pid, status.
  FileDescriptor roster_;
  std::map<uint32_t, FileDescriptor> modules_;
  std::map<pid_t, int> ended_;
  struct Told {
    Clock::time_point when;
    pid_t pid;
    int status;
  };
  std::deque<Told> told_;                       // the manager, lately: one that dies may leave it unread
  std::optional<Clock::time_point> give_up_{};  // no manager has the hosts
};

// A Nursery's life.
ForkRequest serve_nursery(FileDescriptor manager, const NurseryOptions& options = {});

}  // namespace roost
