// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/nursery.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "core/protocol.h"
#include "core/socket.h"

extern char** environ;

namespace roost {
namespace {

constexpr int kNurseryPatience_ms = 5'000;
constexpr int kNurseryEndPatience_ms = 2'000;

}  // namespace

std::string how_it_ended(int status) {
  if (status < 0) return "ended";
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("exited with status {}", WEXITSTATUS(status));
}

NurseryLink::NurseryLink(const std::string& program, const std::string& socket_path,
                         const std::vector<std::string>& options) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) fail_errno("nursery: socketpair");
  socket_ = FileDescriptor(ends[0]);
  const FileDescriptor theirs(ends[1]);
  constexpr int kTheirNumber = 3;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), kTheirNumber);  // the copy survives exec
  // Signals for the manager, typed at its terminal say, are not for hosts: the manager ends them. Not a session of its
  // own: the kernel shares cores out by session (autogroup), and beside loops that poll another one starves.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  const std::string number = std::to_string(kTheirNumber);
  std::vector<const char*> arguments{program.c_str(), "--nursery", number.c_str(), "--socket", socket_path.c_str()};
  for (const std::string& word : options) arguments.push_back(word.c_str());
  arguments.push_back(nullptr);
  const int error =
      posix_spawn(&pid_, program.c_str(), &actions, &attributes, const_cast<char**>(arguments.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    errno = error;
    fail_errno("host program '{}': cannot start it", program);
  }
}

std::unique_ptr<NurseryLink> NurseryLink::find_waiting(const std::string& socket_path) {
  const std::string path = socket_path + kNurserySuffix;
  if (access(path.c_str(), F_OK) != 0) return nullptr;
  auto link = std::unique_ptr<NurseryLink>(new NurseryLink);
  try {
    link->socket_ = connect_unix(path, SOCK_SEQPACKET);
  } catch (const Error&) {  // its name alone has been left
    unlink_stale(path, SOCK_SEQPACKET);
    return nullptr;
  }
  const Peer peer = peer_of(link->socket_.get());
  // A host can become no leader of a process group, were it able to listen at all.
  if (peer.uid != geteuid() || getpgid(peer.pid) != peer.pid)
    fail("socket '{}': process {} listens there, which is no nursery of this user; end it", path, peer.pid);
  link->pid_ = peer.pid;
  link->pidfd_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, peer.pid, 0)));
  if (!link->pidfd_) return nullptr;  // it has just ended
  return link;
}

NurseryLink::~NurseryLink() {
  if (!socket_ || (pidfd_ && !answered_)) return;
  try {
    send_message(socket_.get(), json_text(rpc_request(next_id_++, "quit", Json::object())));
  } catch (const Error&) {  // it has ended by itself
  }
  socket_.reset();
  if (pidfd_) {
    if (readable_within(pidfd_.get(), kNurseryEndPatience_ms)) return;
    syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    readable_within(pidfd_.get(), kNurseryEndPatience_ms);
    return;
  }
  for (int i = 0; i < kNurseryEndPatience_ms / 10; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    usleep(10'000);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

// One packet from the nursery: the answer that is waited for, or a notice. False: nothing came in time.
bool NurseryLink::read_one(int patience_ms, uint64_t wanted_id, Answer* answer) {
  if (!readable_within(socket_.get(), patience_ms)) return false;
  auto message = receive_message(socket_.get());
  if (!message) fail("nursery: it has ended; see its messages above");
  const Json json = rpc_parse(message->text);
  if (!json.is_object()) fail("nursery: speaks no JSON");
  if (json.value("method", "") == "exited") {
    const Json parameters = json.value("params", Json::object());
    const pid_t pid = parameters.value("pid", -1);
    if (forgotten_.erase(pid) == 0) exited_[pid] = parameters.value("status", -1);
  } else if (answer != nullptr && json.value("id", uint64_t{0}) == wanted_id) {
    answer->came = answered_ = true;
    answer->result = rpc_take_result(json);
    if (!message->descriptors.empty()) answer->descriptor = std::move(message->descriptors[0]);
  }
  return true;
}

NurseryLink::Answer NurseryLink::ask(std::string_view method, Json parameters, int descriptor) {
  const uint64_t id = next_id_++;
  std::vector<int> descriptors;
  if (descriptor >= 0) descriptors.push_back(descriptor);
  send_message(socket_.get(), json_text(rpc_request(id, method, std::move(parameters))), descriptors);
  Answer answer;
  while (!answer.came)
    if (!read_one(kNurseryPatience_ms, id, &answer))
      fail("nursery: no answer to '{}' in {} ms", method, kNurseryPatience_ms);
  return answer;
}

pid_t NurseryLink::fork_host(const std::string& token, uint32_t core, const std::optional<User>& user) {
  Json what{{"token", token}, {"core", core}};
  if (user) what["uid"] = user->uid, what["gid"] = user->gid;
  return ask("fork", std::move(what)).result.value("pid", -1);
}

void NurseryLink::keep(int roster) { ask("keep", Json::object(), roster); }

void NurseryLink::keep_module(uint32_t module, int memory) { ask("keep_module", {{"module", module}}, memory); }

FileDescriptor NurseryLink::take_back() { return ask("take_back", Json::object()).descriptor; }

FileDescriptor NurseryLink::module(uint32_t module) { return ask("module", {{"module", module}}).descriptor; }

NurseryLink::Handed NurseryLink::hand(pid_t pid, int connection) {
  Answer answer = ask("hand", {{"pid", pid}}, connection);
  return {std::move(answer.descriptor), answer.result.value("ended", -1)};
}

void NurseryLink::read_notices() {
  while (read_one(0, 0, nullptr)) continue;
}

void NurseryLink::forget(pid_t pid) {
  if (exited_.erase(pid) == 0) forgotten_.insert(pid);
}

int NurseryLink::wait_status(pid_t pid, int patience_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  for (;;) {
    if (const auto found = exited_.find(pid); found != exited_.end()) return found->second;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() < 0 || !read_one(static_cast<int>(left.count()), 0, nullptr)) return -1;
  }
}

}  // namespace roost
