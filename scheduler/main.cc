// SPDX-License-Identifier: BSD-3-Clause
// roostd: the manager.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/program.h"
#include "core/default_socket.h"
#include "core/error.h"
#include "core/log.h"
#include "core/ports/ethdev.h"
#include "core/socket.h"
#include "scheduler/config.h"
#include "scheduler/config_summary.h"
#include "scheduler/control_server.h"
#include "scheduler/manager.h"
#include "scheduler/notify.h"

namespace {

// Address space for mbufs and tables; what isn't used costs nothing.
constexpr uint32_t kPrivateMib = 4'096;

// With network cards, all of it is brought in and pinned, for them to reach: so it is what will be used, and some more.
uint32_t private_mib(const roost::ManagerConfig& config, size_t cards) {
  if (cards == 0) return kPrivateMib;
  constexpr uint64_t kBaseMib = 64, kCardMib = 64, kMbufBytes = 320, kFlowBytes = 256;
  const uint64_t bytes = config.memory.packets * kMbufBytes +
                         config.cores.io.size() * (uint64_t{config.flows.max} + config.flows.wide_max) * kFlowBytes;
  return static_cast<uint32_t>(std::min<uint64_t>(kBaseMib + kCardMib * cards + (bytes >> 20), kPrivateMib));
}

struct Eal {
  Eal(const roost::ManagerConfig& config, const std::vector<std::string>& cards) {
    roost::init_eal(std::to_string(getpid()), private_mib(config, cards.size()), cards);
  }
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

roost::ManagerConfig read_config(const std::string& path, const std::string& socket) {
  roost::ManagerConfig config = roost::load_config(path);
  if (!socket.empty()) config.control_socket = socket;
  if (config.control_socket.empty()) config.control_socket = roost::default_socket();
  return config;
}

// What a start would do, and nothing of it.
void check(const std::string& config_path, const std::string& socket, int report_to) {
  const roost::ManagerConfig config = read_config(config_path, socket);
  roost::check_machine(config);
  const std::string text = roost::json_text(roost::summary_of(config), 2) + "\n";
  if (write(report_to, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    roost::fail_errno("descriptor {}: cannot write to it", report_to);
}

void run(const std::string& config_path, const std::string& socket, const std::string& host_program, bool paused) {
  roost::ManagerConfig config = read_config(config_path, socket);
  config.paused = paused;
  const roost::ServiceNotifier service;
  const auto signals = block_signals();
  prctl(PR_SET_DUMPABLE, 0);  // nobody of the same user, hosts above all, looks into its memory
  auto listener = roost::listen_unix(config.control_socket, SOCK_STREAM);
  try {
    std::vector<std::string> cards;
    for (const auto& port : config.ports)
      if (port.kind == roost::PortKind::kDpdk && roost::is_pci_address(port.device.device))
        cards.push_back(port.device.device);
    const Eal eal(config, cards);
    roost::Manager manager(config, host_program);
    roost::log_info("ready at {}: {} ports, {} services, {} chains", config.control_socket, config.ports.size(),
                    config.services.size(), config.chains.size());
    roost::open_socket_file(config.control_socket, config.control.file_mode(), config.control.group);
    service.tell("READY=1");
    roost::ControlServer(manager, std::move(listener), roost::ControlAccess(geteuid(), config.control))
        .run(signals.get());
    service.tell("STOPPING=1");
    roost::log_info("ending");
  } catch (...) {
    unlink(config.control_socket.c_str());
    throw;
  }
  unlink(config.control_socket.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  roost::cli::Command program("roostd", "roostd: the manager of Roost, a shared-core scheduler for network functions");
  std::string config, socket, level = "info";
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::string host_program = here / "roost-host";
  program.option("--config", config, "configuration (TOML); docs/configuration.md describes it").required();
  program.option("--socket", socket, "control socket, instead of the configuration's");
  program.option("--host-program", host_program, "path of roost-host");
  program.option("--log-level", level, "trace, debug, info, warn, error")
      .one_of({"trace", "debug", "info", "warn", "error"});
  bool paused = false;
  program.flag("--paused", paused, "ports receive nothing until somebody says 'resume'");
  int check_to = -1;
  const auto checks =
      program.option("--check", check_to, "start nothing; write what would be started, as JSON, to this descriptor")
          .range(0, 1'000'000);
  program.runs([&] {
    if (checks.given()) return check(config, socket, check_to), 0;
    roost::start_log(level);
    run(config, socket, host_program, paused);
    return 0;
  });
  return roost::cli::run_program(program, "roostd", argc, argv);
}
