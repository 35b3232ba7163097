// SPDX-License-Identifier: BSD-3-Clause
// A nursery whose manager is gone waits for another one, which finds it by its socket, and hands its hosts over to it.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "core/error.h"
#include "nflib/nursery.h"
#include "nflib/parameters.h"

namespace roost {
namespace {

constexpr std::chrono::seconds kTakeOverPatience{30};  // for a manager that has come to have done with all of them
constexpr std::chrono::seconds kEndPatience{1};        // for hosts to end by themselves
constexpr std::chrono::seconds kReadWithin{10};        // what was told a manager
constexpr std::chrono::milliseconds kLookForEnds{5}, kAcceptPause{20};

}  // namespace

// False: nobody is to wait.
bool Nursery::lose_manager() {
  manager_.reset();
  if (!may_wait()) return false;
  // Hosts see that a manager dies, and end, before its last socket is closed.
  forget_told();
  for (const Told& told : told_)
    if (!children_.contains(told.pid)) ended_[told.pid] = told.status;
  told_.clear();
  for (auto& [pid, child] : children_) child.handed = false;
  give_up_ = Clock::now() + outlive_;
  return true;
}

// What a manager that lives has read by now.
void Nursery::forget_told() {
  while (!told_.empty() && told_.front().when < Clock::now() - kReadWithin) told_.pop_front();
}

// Whoever it is has the manager's user, as all have who may speak to operators' socket.
void Nursery::take_manager() {
  FileDescriptor connection;
  try {
    connection = accept_unix(listener_.get());
  } catch (const Error&) {  // it waits on
    std::this_thread::sleep_for(kAcceptPause);
  }
  if (!connection || peer_of(connection.get()).uid != geteuid()) return;
  set_blocking(connection.get(), true);
  manager_ = std::move(connection);
  names_ = managers_names();
  give_up_ = std::max(*give_up_, Clock::now() + kTakeOverPatience);
}

// What is to be known of the hosts; none: they are not to wait. A manager that took them over has done with it: those
// that it did not take end.
void Nursery::keep(Message& request) {
  roster_ = request.descriptors.empty() ? FileDescriptor() : std::move(request.descriptors[0]);
  give_up_.reset();
  ended_.clear();
  for (auto& [pid, child] : children_)
    if (!child.handed) child.lifeline.reset();
}

void Nursery::keep_module(const Json& parameters, Message& request) {
  if (request.descriptors.size() != 1) throw ParameterError("keep_module: it needs the module's descriptor");
  modules_[take_number(parameters, "module", 0u, UINT32_MAX)] = std::move(request.descriptors[0]);
}

// To this host the connection that came with it. Where the host has ended, how. The process is named by a descriptor:
// by the time that its number is read, another one may have it.
Json Nursery::hand(const Json& parameters, Message& request, FileDescriptor& pidfd) {
  const auto pid = take_number(parameters, "pid", 1, INT32_MAX);
  if (request.descriptors.size() != 1) throw ParameterError("hand: it needs the host's new connection");
  bury_the_dead();
  if (const auto found = ended_.find(pid); found != ended_.end()) return {{"ended", found->second}};
  const auto child = children_.find(pid);
  if (child == children_.end()) throw ParameterError("hand: no such host is waiting");
  pidfd = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) fail_errno("hand: pidfd_open");
  send_message(child->second.lifeline.get(), "{}", {request.descriptors[0].get()});
  child->second.handed = true;
  return Json::object();
}

int Nursery::patience_ms() const {
  if (!give_up_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*give_up_ - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(0, left));
}

// Those that are still there hear it by their lifelines; whoever does not is killed by the kernel when this process
// ends. The names of sockets go as well, the dead manager's among them.
void Nursery::end_hosts() {
  if (!manager_)
    for (const SocketName& name : names_) name.remove();
  if (outlive_.count() == 0) return;
  for (auto& [pid, child] : children_) child.lifeline.reset();
  for (const auto until = Clock::now() + kEndPatience; !children_.empty() && Clock::now() < until;) {
    for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;) children_.erase(pid);
    if (!children_.empty()) std::this_thread::sleep_for(kLookForEnds);
  }
  unlink((socket_ + kNurserySuffix).c_str());
}

// As long as it is there: it has made both by now.
std::array<SocketName, 2> Nursery::managers_names() const {
  return {SocketName(socket_), SocketName(socket_ + kHostsSuffix)};
}

}  // namespace roost
