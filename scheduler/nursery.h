// SPDX-License-Identifier: BSD-3-Clause
// The manager's end of the nursery: a roost-host that has everything loaded and linked, from which hosts are forked in
// well under a millisecond and share their pages.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/protocol.h"
#include "core/shared_memory.h"
#include "scheduler/accounts.h"

namespace roost {

std::string how_it_ended(int status);  // as wait_status() tells it: "was killed by signal 11 (Segmentation fault)"

class NurseryLink {
 public:
  // Starts `program`; `options` are more words for its command line. Throws Error.
  NurseryLink(const std::string& program, const std::string& socket_path, const std::vector<std::string>& options);
  // One whose manager is gone, and that waits for another; null: none does there. Throws Error for one of another user.
  static std::unique_ptr<NurseryLink> find_waiting(const std::string& socket_path);
  ~NurseryLink();  // the nursery ends, and with it what was forked from it
  NurseryLink(const NurseryLink&) = delete;
  NurseryLink& operator=(const NurseryLink&) = delete;

  // `user`: whom it becomes before it attaches; none: it stays the manager's. Throws Error.
  pid_t fork_host(const std::string& token, uint32_t core, const std::optional<User>& user = std::nullopt);
  // See core/protocol.h. Throw Error.
  void keep(int roster);  // -1: nothing; hosts end with this manager
  void keep_module(uint32_t module, int memory);
  FileDescriptor take_back();
  FileDescriptor module(uint32_t module);
  struct Handed {
    FileDescriptor pidfd{};  // none: it has ended
    int status = -1;
  };
  Handed hand(pid_t pid, int connection);
  int fd() const noexcept { return socket_.get(); }
  pid_t pid() const noexcept { return pid_; }
  void read_notices();                          // when fd() is readable
  int wait_status(pid_t pid, int patience_ms);  // of a host that has ended, -1: not told
  void forget(pid_t pid);                       // whose status nobody will ask for, told already or still to come

 private:
  NurseryLink() = default;
  struct Answer {
    Json result{};
    FileDescriptor descriptor{};
    bool came = false;
  };
  bool read_one(int patience_ms, uint64_t wanted_id, Answer* answer);
  Answer ask(std::string_view method, Json parameters, int descriptor = -1);

  FileDescriptor socket_;
  pid_t pid_ = -1;
  FileDescriptor pidfd_{};  // where it is no child of this process
  bool answered_ = false;   // so it is this manager's
  uint64_t next_id_ = 1;
  std::map<pid_t, int> exited_;
  std::set<pid_t> forgotten_;  // before they were told of
};

}  // namespace roost
