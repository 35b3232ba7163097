// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/nursery.h"

#include <fcntl.h>
#include <numa.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/protocol.h"
#include "core/socket.h"
#include "nflib/parameters.h"

namespace roost {
namespace {

sigset_t child_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return set;
}

// False: the manager is no longer there to hear it.
bool report_the_dead(int manager, int signals) {
  signalfd_siginfo ignored;
  while (read(signals, &ignored, sizeof ignored) > 0) {
  }
  int status = 0;
  try {
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      const Json what = {{"pid", pid}, {"status", status}};
      send_message(manager, json_text({{"jsonrpc", "2.0"}, {"method", "exited"}, {"params", what}}));
    }
  } catch (const Error&) {
    return false;
  }
  return true;
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

// Forks for this request and answers it. In the child: the token.
ForkRequest fork_host(int manager, const Message& request) {
  const Json message = rpc_parse(request.text);
  const Json id = message.is_object() ? message.value("id", Json()) : Json();
  try {
    if (message.is_discarded()) throw ParameterError("the message is not JSON");
    if (!message.is_object() || message.value("method", Json()) != "fork")
      throw ParameterError("a nursery has one method: fork");
    const Json parameters = message.value("params", Json::object());
    const std::string& token = take_text(parameters, "token");
    if (token.empty()) throw ParameterError("parameter 'token' is empty");
    const int core = take_number(parameters, "core", -1, CPU_SETSIZE - 1);
    std::optional<HostUser> user;
    if (parameters.contains("uid"))
      user = HostUser{take_number<uid_t>(parameters, "uid", 0, UINT32_MAX - 1),
                      take_number<gid_t>(parameters, "gid", 0, UINT32_MAX - 1)};
    const pid_t nursery = getpid(), pid = fork();
    if (pid < 0) fail_errno("cannot start a host process (limits: ulimit -u, pids.max of the cgroup)");
    if (pid == 0) {
      leave_nursery(nursery, core);
      return {token, user};
    }
    send_message(manager, json_text(rpc_result(id, {{"pid", pid}})));
  } catch (const ParameterError& error) {
    send_message(manager, json_text(rpc_error(id, RpcError::invalid_parameters, error.what())));
  } catch (const Json::exception& error) {
    send_message(manager, json_text(rpc_error(id, RpcError::invalid_request, error.what())));
  } catch (const Error& error) {  // no more processes, say: the hosts that there are go on
    send_message(manager, json_text(rpc_error(id, RpcError::failed, error.what())));
  }
  return {};
}

}  // namespace

ForkRequest serve_nursery(FileDescriptor manager) {
  const sigset_t set = child_signal();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const FileDescriptor signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) fail_errno("nursery: signalfd");
  if (fcntl(manager.get(), F_SETFD, FD_CLOEXEC) != 0) fail_errno("nursery: descriptor {} is not open", manager.get());
  pollfd events[] = {{manager.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
  for (;;) {
    if (poll(events, 2, -1) < 0 && errno != EINTR) fail_errno("nursery: poll");
    if (events[1].revents != 0 && !report_the_dead(manager.get(), signals.get())) return {};
    if (events[0].revents == 0) continue;
    const std::optional<Message> request = receive_message(manager.get());
    if (!request) return {};  // closed
    ForkRequest made = fork_host(manager.get(), *request);
    if (!made.token.empty()) return made;
  }
}

}  // namespace roost
