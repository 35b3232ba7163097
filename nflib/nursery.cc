// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/nursery.h"

#include <fcntl.h>
#include <numa.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "core/error.h"
#include "nflib/parameters.h"

namespace roost {
namespace {

sigset_t child_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return set;
}

// In the child, before it touches much memory.
void leave_nursery(pid_t nursery, int core) {
  // A host whose NF blocks the control thread doesn't notice that the manager has gone; the nursery does.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != nursery) _exit(0);
  prctl(PR_SET_NAME, "roost-host");
  const sigset_t set = child_signal();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  if (core >= 0 && numa_available() >= 0 && numa_max_node() > 0) {
    const int node = numa_node_of_cpu(core);
    if (node >= 0) numa_set_preferred(node);
  }
}

}  // namespace

Nursery::Nursery(FileDescriptor manager, const NurseryOptions& options)
    : socket_(options.socket), outlive_(options.outlive_s), manager_(std::move(manager)) {
  const sigset_t set = child_signal();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  // Of a group that the manager's death leaves without a parent, and with one who is stopped, the kernel hangs up on
  // all: a host that stops itself would take along all that outlive the manager. Hosts inherit this.
  if (signal(SIGHUP, SIG_IGN) == SIG_ERR) fail_errno("nursery: SIGHUP");
  signals_ = FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) fail_errno("nursery: signalfd");
  if (fcntl(manager_.get(), F_SETFD, FD_CLOEXEC) != 0) fail_errno("nursery: descriptor {} is not open", manager_.get());
  names_ = managers_names();
  // From the start: a manager that comes early finds it, and is heard when the one before it is gone.
  if (outlive_.count() != 0) listener_ = listen_unix(socket_ + kNurserySuffix, SOCK_SEQPACKET);
}

ForkRequest Nursery::serve() {
  for (;;) {
    std::array<pollfd, 2> events{pollfd{manager_ ? manager_.get() : listener_.get(), POLLIN, 0},
                                 pollfd{signals_.get(), POLLIN, 0}};
    if (poll(events.data(), events.size(), patience_ms()) < 0 && errno != EINTR) fail_errno("nursery: poll");
    if (events[1].revents != 0) bury_the_dead();
    if (give_up_ && Clock::now() >= *give_up_) break;
    if (events[0].revents == 0) continue;
    if (!manager_) {
      take_manager();
      continue;
    }
    std::optional<Message> request = receive_message(manager_.get());
    if (!request) {
      if (!lose_manager()) break;
      continue;
    }
    try {
      std::optional<ForkRequest> made = answer(*request);
      if (!made) break;
      if (!made->token.empty()) return std::move(*made);
    } catch (const Error&) {  // it does not take the answer
      if (!lose_manager()) break;
    }
  }
  end_hosts();
  return {};
}

void Nursery::bury_the_dead() {
  signalfd_siginfo ignored;
  while (read(signals_.get(), &ignored, sizeof ignored) > 0) {
  }
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto child = children_.find(pid);
    const bool handed = child != children_.end() && child->second.handed;
    if (child != children_.end()) children_.erase(child);
    // A manager that has not done with those that it found asks for them; or, if it dies over that, another one does.
    if (!manager_ || give_up_) ended_[pid] = status;
    if (!manager_ || !handed) continue;
    try {
      tell({{"jsonrpc", "2.0"}, {"method", "exited"}, {"params", {{"pid", pid}, {"status", status}}}});
      told_.push_back({Clock::now(), pid, status});
    } catch (const Error&) {  // the manager is no longer there to hear it; what it says next is nothing
      ended_[pid] = status;
    }
  }
  forget_told();
}

void Nursery::tell(const Json& message, const FileDescriptor& with) {
  std::vector<int> descriptors;
  if (with) descriptors.push_back(with.get());
  send_message(manager_.get(), json_text(message), descriptors);
}

// Answers this request. In a child that it forks: the token.
std::optional<ForkRequest> Nursery::answer(Message& request) {
  const Json message = rpc_parse(request.text);
  const Json id = message.is_object() ? message.value("id", Json()) : Json();
  ForkRequest made;
  std::string why;
  RpcError code = RpcError::failed;
  try {
    if (message.is_discarded()) throw ParameterError("the message is not JSON");
    if (!message.is_object()) throw ParameterError("a nursery has methods; fork, above all");
    const std::string method = message.value("method", "");
    const Json parameters = message.value("params", Json::object());
    if (method == "quit") return std::nullopt;
    FileDescriptor with;
    const Json result = method == "fork" ? fork_host(parameters, made) : done(method, parameters, request, with);
    if (made.token.empty()) tell(rpc_result(id, result), with);
    return made;
  } catch (const ParameterError& error) {
    code = RpcError::invalid_parameters;
    why = error.what();
  } catch (const Json::exception& error) {
    code = RpcError::invalid_request;
    why = error.what();
  } catch (const Error& error) {  // no more processes, say: the hosts that there are go on
    why = error.what();
  }
  tell(rpc_error(id, code, why));
  return made;
}

Json Nursery::done(const std::string& method, const Json& parameters, Message& request, FileDescriptor& with) {
  if (method == "keep")
    keep(request);
  else if (method == "keep_module")
    keep_module(parameters, request);
  else if (method == "take_back")
    with = FileDescriptor(fcntl(roster_.get(), F_DUPFD_CLOEXEC, 0));
  else if (method == "module") {
    const auto found = modules_.find(take_number(parameters, "module", 0u, UINT32_MAX));
    if (found == modules_.end()) throw ParameterError("module: none of that number is kept");
    with = FileDescriptor(fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0));
  } else if (method == "hand") {
    return hand(parameters, request, with);
  } else {
    throw ParameterError("a nursery has these methods: fork, keep, keep_module, take_back, module, hand, quit");
  }
  return Json::object();
}

// In the parent: the answer. In the child `made` has a token.
Json Nursery::fork_host(const Json& parameters, ForkRequest& made) {
  const std::string& token = take_text(parameters, "token");
  if (token.empty()) throw ParameterError("parameter 'token' is empty");
  const int core = take_number(parameters, "core", -1, CPU_SETSIZE - 1);
  std::optional<HostUser> user;
  if (parameters.contains("uid"))
    user = HostUser{take_number<uid_t>(parameters, "uid", 0, UINT32_MAX - 1),
                    take_number<gid_t>(parameters, "gid", 0, UINT32_MAX - 1)};
  std::array<FileDescriptor, 2> ends;
  if (outlive_.count() != 0) {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
      fail_errno("cannot make a socket for a host (limits: ulimit -n)");
    ends = {FileDescriptor(pair[0]), FileDescriptor(pair[1])};
    shutdown(pair[0], SHUT_RD);  // the nursery speaks, and hears nothing of what a host may say
  }
  const pid_t nursery = getpid(), pid = fork();
  if (pid < 0) fail_errno("cannot start a host process (limits: ulimit -u, pids.max of the cgroup)");
  if (pid == 0) {
    leave_nursery(nursery, core);
    made = {token, user, std::move(ends[1])};
    return {};
  }
  children_[pid] = {std::move(ends[0]), true};
  return {{"pid", pid}};
}

ForkRequest serve_nursery(FileDescriptor manager, const NurseryOptions& options) {
  return Nursery(std::move(manager), options).serve();
}

}  // namespace roost
