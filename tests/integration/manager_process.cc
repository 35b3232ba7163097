// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/manager_process.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <thread>

#include "core/error.h"
#include "core/socket.h"
#include "tests/support/run_program.h"

namespace roost::test {
namespace {

using Clock = std::chrono::steady_clock;

// Starts a program in a process group of its own, its output in a file.
pid_t start(const std::vector<std::string>& words, const std::string& output) {
  std::vector<char*> raw;
  for (const auto& word : words) raw.push_back(const_cast<char*>(word.c_str()));
  raw.push_back(nullptr);
  const pid_t parent = getpid(), pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int in = open("/dev/null", O_RDONLY), out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execvp(raw[0], raw.data());
  _exit(127);
}

// The status as Exit has it; -1: not in time.
int wait_status(pid_t pid, uint32_t patience_ms) {
  int status = 0;
  const bool ended =
      eventually([&] { return waitpid(pid, &status, WNOHANG) == pid; }, std::chrono::milliseconds(patience_ms));
  if (!ended) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string stat_of(pid_t pid) {
  const std::string text = content_of(fmt::format("/proc/{}/stat", pid));
  const size_t end = text.rfind(')');
  return end == std::string::npos ? "" : text.substr(end + 2);
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto until = Clock::now() + patience;
  for (;;) {
    if (condition()) return true;
    if (Clock::now() >= until) return false;
    pause_ms(5);
  }
}

void pause_ms(uint32_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

bool runs(pid_t pid) {
  const std::string stat = stat_of(pid);
  return !stat.empty() && stat[0] != 'Z' && stat[0] != 'X';
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    std::istringstream list(content_of((task.path() / "children").string()));
    for (pid_t child; list >> child;) children.push_back(child);
  }
  return children;
}

std::vector<pid_t> descendants_of(pid_t pid) {
  std::vector<pid_t> all = children_of(pid);
  for (size_t i = 0; i < all.size(); ++i)
    for (const pid_t child : children_of(all[i])) all.push_back(child);
  return all;
}

uint64_t cpu_ms(pid_t pid) {
  std::istringstream fields(stat_of(pid));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // state is field 3; utime is 14
  uint64_t user = 0, system = 0;
  fields >> user >> system;
  return (user + system) * 1000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
}

Exit run_to_end(const std::vector<std::string>& words, uint32_t patience_ms) {
  const TempDir folder;
  const std::string output = folder.file("output", "");
  const pid_t pid = start(words, output);
  Exit exit;
  exit.status = wait_status(pid, patience_ms * (kSanitized ? 4 : 1));
  if (exit.status < 0) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  exit.said = content_of(output);
  return exit;
}

Operator::Operator(const std::string& socket) : socket_(connect_unix(socket, SOCK_STREAM)) {
  const timeval patience{kSanitized ? 600 : 300, 0};  // a thousand processes take their time on a busy machine
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

void Operator::write(std::string_view text) { send_all(socket_.get(), text); }

Json Operator::read() {
  const auto line = receive_line(socket_.get(), buffer_, size_t{64} << 20);
  return line ? rpc_parse(*line) : Json(Json::value_t::discarded);
}

Json Operator::say(std::string_view line) {
  try {
    write(std::string(line) + "\n");
  } catch (const Error&) {  // it may have said why before it closed
  }
  return read();
}

Json Operator::call(std::string_view method, Json parameters) {
  const Json answer = say(json_text(rpc_request(++id_, method, std::move(parameters))));
  if (answer.is_discarded()) fail("{}: no answer from the manager", method);
  return rpc_take_result(answer);
}

std::string Operator::refusal(std::string_view method, Json parameters) {
  try {
    call(method, std::move(parameters));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string nf(const std::string& name) { return ROOST_NF_DIR "/" + name + ".so"; }
std::string module(const std::string& name) { return ROOST_TEST_MODULE_DIR "/" + name + ".so"; }

std::set<std::string> arenas_of(pid_t pid) {
  std::set<std::string> found;
  std::istringstream maps(content_of(fmt::format("/proc/{}/maps", pid)));
  for (std::string line; std::getline(maps, line);)
    if (const size_t at = line.find("roost-packets-"); at != std::string::npos)
      found.insert(line.substr(at, line.find(' ', at) - at));
  return found;
}

ManagerProcess::ManagerProcess(const std::string& config, std::vector<std::string> prefix)
    : socket_(folder_.path("roost.sock")), log_path_(folder_.path("log")) {
  folder_.file("roost.toml", config);
  launch(std::move(prefix));
}

void ManagerProcess::start_again(const std::string& config, const std::vector<std::string>& prefix) {
  forget_the_ended();
  if (!config.empty()) folder_.file("roost.toml", config);
  launch(prefix);
}

bool ManagerProcess::start_again_until(const std::function<bool()>& now, const std::vector<std::string>& prefix) {
  forget_the_ended();
  start_program(prefix);
  bool so = false;
  eventually([&] { return (so = now()) || !runs(pid_); });
  kill_now(SIGKILL);
  wait_for_end();
  return so;
}

void ManagerProcess::forget_the_ended() {
  for (const pid_t pid : descendants_of(pid_)) known_.insert(pid);
  EXPECT_TRUE(ended_);
  operator_.reset();
  ended_ = false;
}

void ManagerProcess::start_program(std::vector<std::string> words) {
  for (const auto& word : {std::string(ROOST_BIN_DIR "/roostd"), std::string("--config"), folder_.path("roost.toml"),
                           std::string("--socket"), socket_})
    words.push_back(word);
  pid_ = start(words, log_path_);
}

void ManagerProcess::launch(std::vector<std::string> words) {
  start_program(std::move(words));
  const bool answers = eventually([this] {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      return true;
    }
    try {
      operator_ = std::make_unique<Operator>(socket_);
      operator_->call("version");
      return true;
    } catch (const Error&) {
      return false;
    }
  });
  if (!answers || ended_) throw std::runtime_error("roostd does not start: " + log());
}

ManagerProcess::~ManagerProcess() {
  if (ended_) return;
  for (const pid_t pid : descendants_of(pid_)) kill(pid, SIGKILL);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(fmt::format("/run/dpdk/roost-{}", pid_), ignored);
  if (testing::Test::HasFailure() || std::uncaught_exceptions() != 0)
    fmt::print("--- log of roostd {} ---\n{}---\n", pid_, log());
}

Json ManagerProcess::spawn(const std::string& module_path, const std::string& service, uint32_t count,
                           const std::string& tier, Json config, const std::string& tenant) {
  return call("spawn", {{"module", module_path},
                        {"service", service},
                        {"count", count},
                        {"tier", tier},
                        {"config", std::move(config)},
                        {"tenant", tenant}});
}

Json ManagerProcess::nfs() {
  Json all = Json::array();
  for (Json page;
       page = call("ps", {{"after", all.empty() ? -1 : all.back()["id"].get<int64_t>()}}).at("nfs"), !page.empty();)
    all.insert(all.end(), page.begin(), page.end());
  return all;
}

std::vector<pid_t> ManagerProcess::live_hosts() {
  std::vector<pid_t> pids;
  for (const Json& host : hosts())
    if (host.at("state") == "live") pids.push_back(host.at("pid").get<pid_t>());
  return pids;
}

std::string ManagerProcess::events() {
  std::string text;
  const Json list = call("ps").at("events");
  for (const Json& event : list) text += event.get<std::string>() + "\n";
  return text;
}

bool ManagerProcess::has_event(const std::string& part) { return events().find(part) != std::string::npos; }

bool ManagerProcess::settled(std::chrono::milliseconds patience) {
  return eventually([this] { return figure("held") == 0; }, patience);
}

pid_t ManagerProcess::nursery() {
  const auto children = children_of(pid_);
  return children.empty() ? -1 : children.front();
}

void ManagerProcess::kill_now(int signal) {
  for (const pid_t pid : descendants_of(pid_)) known_.insert(pid);
  kill(pid_, signal);
}

Exit ManagerProcess::wait_for_end(uint32_t patience_ms) {
  if (!ended_) {
    for (const pid_t pid : descendants_of(pid_)) known_.insert(pid);
    status_ = wait_status(pid_, patience_ms * (kSanitized ? 4 : 1));
    ended_ = status_ >= 0;
  }
  return {status_, log()};
}

void ManagerProcess::expect_nothing_left() {
  EXPECT_TRUE(eventually([this] { return std::none_of(known_.begin(), known_.end(), runs); }))
      << "a process outlives its manager";
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path(".")))
    EXPECT_FALSE(entry.path().filename().string().starts_with("roost.sock")) << entry.path();
  EXPECT_EQ(content_of("/proc/net/unix").find(socket_), std::string::npos) << "a socket of it is open";
  for (const char* folder : {"/run/dpdk", "/var/run/dpdk"})
    EXPECT_FALSE(std::filesystem::exists(fmt::format("{}/roost-{}", folder, pid_)));
}

void ManagerProcess::end() {
  for (const pid_t pid : descendants_of(pid_)) known_.insert(pid);
  kill_now(SIGTERM);
  const Exit exit = wait_for_end();
  EXPECT_EQ(exit.status, 0) << exit.said;
  expect_nothing_left();
  if (testing::Test::HasFailure()) fmt::print("--- log of roostd {} ---\n{}---\n", pid_, log());
}

std::string ManagerProcess::log() const { return content_of(log_path_); }

uint64_t dropped_total(const Json& stats) {
  uint64_t sum = 0;
  for (const auto& [cause, count] : stats.at("dropped").items()) sum += count.get<uint64_t>();
  return sum;
}

void expect_balanced(const Json& stats) {
  const auto of = [&](const char* name) { return stats.at(name).get<uint64_t>(); };
  EXPECT_EQ(of("received") + of("created"), of("transmitted") + dropped_total(stats) + of("held"))
      << json_text(stats, 1);
  EXPECT_TRUE(stats.at("balanced").get<bool>());
}

void expect_books_close(ManagerProcess& manager) {
  manager.call("pause");
  EXPECT_TRUE(manager.settled()) << json_text(manager.stats(), 1);
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
}

std::string port_null(const std::string& name) {
  return fmt::format("[[ports]]\nname = \"{}\"\nkind = \"null\"\n", name);
}

std::string port_generator(const std::string& name, const std::string& chain, const std::string& options) {
  return fmt::format("[[ports]]\nname = \"{}\"\nkind = \"generator\"\n{}{}\n", name,
                     chain.empty() ? "" : fmt::format("chain = \"{}\"\n", chain), options);
}

std::string services(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : std::set<std::string>(names.begin(), names.end()))
    text += fmt::format("[[services]]\nname = \"{}\"\n", name);
  return text;
}

std::string chain_of(const std::string& name, const std::vector<std::string>& hops, const std::string& out) {
  return fmt::format("[[chains]]\nname = \"{}\"\nservices = [\"{}\"]\nout = \"{}\"\n", name, fmt::join(hops, "\", \""),
                     out);
}

std::string simple_config(const std::vector<std::string>& hops, const std::string& generator_options,
                          const std::string& more) {
  return "[memory]\npackets = 8192\nhugepages = \"never\"\n" + port_generator("in", "c", generator_options) +
         port_null("out") + services(hops) + chain_of("c", hops, "out") + more;
}

}  // namespace roost::test
