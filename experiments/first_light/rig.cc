// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/first_light/rig.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "experiments/first_light/harness.h"

namespace roost::experiment {

PortConfig Rig::generator(uint32_t flows) {
  PortConfig port;
  port.name = "in";
  port.kind = PortKind::kGenerator;
  port.generator.flows = flows;
  port.generator.frame_bytes = 64;
  return port;
}

Rig::Rig(const RigOptions& options, const std::vector<std::string>& settings) {
  std::string folder = (std::filesystem::temp_directory_path() / "roost-rig-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) fail_errno("folder '{}'", folder);
  folder_ = folder;
  ManagerConfig config;
  config.control_socket = folder_ + "/socket";
  config.paused = true;
  config.memory.packets = options.packets;
  config.cores.io = 0;
  config.cores.shared = {1};
  config.flows.max = options.flow_rows;
  ManagerConfig::Port in;
  static_cast<PortConfig&>(in) = generator(options.flows);
  in.chain = "chain";
  ManagerConfig::Port out;
  out.name = "out";
  config.ports = {in, out};
  ManagerConfig::Chain chain{"chain", {}, options.window != 0 ? "in" : "out"};
  for (uint32_t i = 0; i < options.services; ++i) {
    config.services.push_back({fmt::format("s{}", i)});
    chain.services.push_back(config.services.back().name);
  }
  config.chains = {chain};
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) fail("setting '{}': write it as NAME=VALUE", setting);
    Settings().set(setting.substr(0, equals), std::stoull(setting.substr(equals + 1)));  // refuses what isn't one
    config.settings[setting.substr(0, equals)] = std::stoull(setting.substr(equals + 1));
  }
  const auto opener = [&](const PortConfig& port, uint16_t index, rte_mempool* pool,
                          uint64_t hz) -> std::unique_ptr<Port> {
    if (options.window == 0 || port.name != "in") return open_port(port, index, pool, hz);
    auto window = std::make_unique<WindowPort>("in", index, pool, options.window);
    window_ = window.get();
    return window;
  };
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  manager_ = std::make_unique<Manager>(config, here / "roost-host", opener);
}

Rig::~Rig() {
  manager_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Rig::spawn(const std::string& module, const std::string& service, uint32_t count, Tier tier) {
  Manager::SpawnRequest request;
  request.module = std::string(ROOST_NF_DIR) + "/" + module + ".so";
  request.service = service;
  request.count = count;
  request.tier = tier;
  manager_->spawn(request);
}

double Rig::rate_over(double seconds, double warm_up_seconds) {
  const auto& transmitted = manager_->loop().counters().transmitted;
  manager_->pause_receiving(false);
  usleep(static_cast<useconds_t>(warm_up_seconds * 1e6));
  const double began = seconds_now();
  const uint64_t before = transmitted.get();
  usleep(static_cast<useconds_t>(seconds * 1e6));
  const uint64_t after = transmitted.get();
  const double ended = seconds_now();
  manager_->pause_receiving(true);
  manager_->drain(2'000);
  DataLoop::Books books{};
  manager_->loop().call([&] { books = manager_->loop().books(); });
  if (!books.balanced() || books.held != 0)
    fail("the books don't balance: received {} + created {} != transmitted {} + dropped {} + held {}", books.received,
         books.created, books.transmitted, books.dropped, books.held);
  return static_cast<double>(after - before) / (ended - began);
}

}  // namespace roost::experiment
