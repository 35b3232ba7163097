// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/nursery.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
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

constexpr int kForkPatience_ms = 5'000;

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
  // Signals for the manager, typed at its terminal say, are not for hosts: the manager ends them.
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

NurseryLink::~NurseryLink() {
  socket_.reset();
  for (int i = 0; i < 200; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    usleep(10'000);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

// One packet from the nursery: the answer that is waited for, or a notice. False: nothing came in time.
bool NurseryLink::read_one(int patience_ms, uint64_t wanted_id, pid_t* answer) {
  if (!readable_within(socket_.get(), patience_ms)) return false;
  const auto message = receive_message(socket_.get());
  if (!message) fail("nursery: it has ended; see its messages above");
  const Json json = rpc_parse(message->text);
  if (!json.is_object()) fail("nursery: speaks no JSON");
  if (json.value("method", "") == "exited") {
    const Json parameters = json.value("params", Json::object());
    const pid_t pid = parameters.value("pid", -1);
    if (forgotten_.erase(pid) == 0) exited_[pid] = parameters.value("status", -1);
  } else if (json.value("id", uint64_t{0}) == wanted_id && answer != nullptr) {
    *answer = rpc_take_result(json).value("pid", -1);
  }
  return true;
}

pid_t NurseryLink::fork_host(const std::string& token, uint32_t core, const std::optional<User>& user) {
  const uint64_t id = next_id_++;
  Json what{{"token", token}, {"core", core}};
  if (user) what["uid"] = user->uid, what["gid"] = user->gid;
  send_message(socket_.get(), json_text(rpc_request(id, "fork", std::move(what))));
  pid_t pid = -1;
  while (pid < 0)
    if (!read_one(kForkPatience_ms, id, &pid)) fail("nursery: no answer in {} ms", kForkPatience_ms);
  return pid;
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
