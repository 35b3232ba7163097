// SPDX-License-Identifier: BSD-3-Clause
// roostd: the manager.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "core/default_socket.h"
#include "core/error.h"
#include "core/socket.h"
#include "scheduler/config.h"
#include "scheduler/control_server.h"
#include "scheduler/manager.h"

namespace {

// Address space for mbufs and tables; what isn't used costs nothing.
constexpr uint32_t kPrivateMib = 4'096;

struct Eal {
  Eal() { roost::init_eal(std::to_string(getpid()), kPrivateMib); }
  ~Eal() { roost::end_eal(); }
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;
};

roost::FileDescriptor block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return roost::FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void run(const std::string& config_path, const std::string& socket, const std::string& host_program, bool paused) {
  roost::ManagerConfig config = roost::load_config(config_path);
  config.paused = paused;
  if (!socket.empty()) config.control_socket = socket;
  if (config.control_socket.empty()) config.control_socket = roost::default_socket();
  const auto signals = block_signals();
  auto listener = roost::listen_unix(config.control_socket, SOCK_STREAM);
  try {
    const Eal eal;
    roost::Manager manager(config, host_program);
    spdlog::info("ready at {}: {} ports, {} services, {} chains", config.control_socket, config.ports.size(),
                 config.services.size(), config.chains.size());
    roost::ControlServer(manager, std::move(listener)).run(signals.get());
    spdlog::info("ending");
  } catch (...) {
    unlink(config.control_socket.c_str());
    throw;
  }
  unlink(config.control_socket.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"roostd: the manager of Roost, a shared-core scheduler for network functions"};
  std::string config, socket, level = "info";
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::string host_program = here / "roost-host";
  app.add_option("--config", config, "configuration (TOML); docs/configuration.md describes it")->required();
  app.add_option("--socket", socket, "control socket, instead of the configuration's");
  app.add_option("--host-program", host_program, "path of roost-host");
  app.add_option("--log-level", level, "trace, debug, info, warn, error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  bool paused = false;
  app.add_flag("--paused", paused, "ports receive nothing until somebody says 'resume'");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(level));
  try {
    run(config, socket, host_program, paused);
  } catch (const std::exception& error) {
    fmt::print(stderr, "roostd: {}\n", error.what());
    return 1;
  }
  return 0;
}
