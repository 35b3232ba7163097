// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/config_summary.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/capture.h"
#include "core/error.h"
#include "core/packet_memory.h"
#include "core/ports/linux_interface.h"
#include "scheduler/host_users.h"

namespace roost {
namespace {

constexpr std::string_view kWaitModes[]{"futex", "semaphore", "spin"};  // in the order of enum WaitMode

void check_port(const ManagerConfig::Port& port) {
  if (port.kind == PortKind::kPcap && !port.pcap.read.empty()) Capture::load(port.pcap.read);
  if (port.kind == PortKind::kPcap && !port.pcap.write.empty()) {
    const auto folder = std::filesystem::absolute(port.pcap.write).parent_path();
    if (access(folder.c_str(), W_OK) != 0)
      fail_errno("capture '{}' can't be written; name a file in a folder that you may write to", port.pcap.write);
  }
  if (port.kind == PortKind::kAfPacket && !look_at_interface(port.interface.interface))
    fail("no such interface '{}'; interfaces here: {}", port.interface.interface, interfaces_here());
}

std::string what_of(const ManagerConfig::Port& port) {
  switch (port.kind) {
    case PortKind::kNull:
      return port.null.blank ? "blank frames without end; discards what is sent" : "discards what is sent";
    case PortKind::kPcap:
      return fmt::format("{}{}{}", port.pcap.read.empty() ? "" : "replays " + port.pcap.read,
                         port.pcap.loop ? " again and again" : "",
                         port.pcap.write.empty() ? "" : " writes " + port.pcap.write);
    case PortKind::kGenerator:
      return fmt::format(
          "{} packets/s, {} flows",
          port.generator.rate_pps == 0 ? "as many as are taken" : std::to_string(port.generator.rate_pps),
          port.generator.flows);
    default:
      return fmt::format("interface {}", port.interface.interface);
  }
}

// The one that is always there comes first.
Json domains_of(const ManagerConfig& config) {
  Json domains =
      Json::array({{{"name", kDefaultDomain}, {"packets", config.memory.packets}, {"tenants", Json::array()}}});
  for (const auto& domain : config.domains)
    domains.push_back({{"name", domain.name}, {"packets", domain.packets}, {"tenants", domain.tenants}});
  for (Json& domain : domains) domain["services"] = domain["ports"] = Json::array();
  for (const auto& service : config.services) domains[service.domain]["services"].push_back(service.name);
  for (const auto& port : config.ports) domains[port.domain]["ports"].push_back(port.name);
  return domains;
}

Json warnings_of(const ManagerConfig& config) {
  Json warnings = Json::array();
  for (const auto& port : config.ports)
    if (port.chain.empty() && (port.kind != PortKind::kNull || port.null.blank) &&
        (port.kind != PortKind::kPcap || !port.pcap.read.empty()))
      warnings.push_back(fmt::format("port '{}' has no chain: what it receives is dropped", port.name));
  for (const auto& service : config.services)
    if (std::none_of(config.chains.begin(), config.chains.end(), [&](const auto& chain) {
          return std::find(chain.services.begin(), chain.services.end(), service.name) != chain.services.end();
        }))
      warnings.push_back(
          fmt::format("service '{}' is on no chain: only NFs that name it send packets there", service.name));
  const auto in = [](size_t i) { return [i](const auto& one) { return one.domain == i + 1; }; };
  for (size_t i = 0; i < config.domains.size(); ++i)
    if (std::none_of(config.services.begin(), config.services.end(), in(i)))
      warnings.push_back(fmt::format("domain '{}' is no service's: its memory is never used{}", config.domains[i].name,
                                     std::any_of(config.ports.begin(), config.ports.end(), in(i))
                                         ? " but to receive packets that are then copied"
                                         : ""));
  for (const auto& chain : config.chains)
    if (std::none_of(config.ports.begin(), config.ports.end(),
                     [&](const auto& port) { return port.chain == chain.name; }))
      warnings.push_back(fmt::format("chain '{}' is no port's", chain.name));
  return warnings;
}

}  // namespace

void check_machine(const ManagerConfig& config) {
  check_host_users(config);
  std::string problems;
  for (const auto& port : config.ports) {
    try {
      check_port(port);
    } catch (const Error& error) {
      problems += fmt::format("{}port '{}': {}", problems.empty() ? "" : "\n", port.name, error.what());
    }
  }
  if (!problems.empty()) fail("{}", problems);
}

Json summary_of(const ManagerConfig& config) {
  Json ports = Json::array(), chains = Json::array(), services = Json::array();
  for (const auto& port : config.ports) {
    ports.push_back({{"name", port.name}, {"kind", port_kind_name(port.kind)}, {"what", what_of(port)}});
    if (!port.chain.empty()) ports.back()["chain"] = port.chain;
  }
  for (const auto& chain : config.chains)
    chains.push_back({{"name", chain.name}, {"services", chain.services}, {"out", chain.out}});
  for (const auto& service : config.services) services.push_back(service.name);
  Json cores{{"io", config.cores.io},
             {"shared", config.cores.shared},
             {"dedicated", config.cores.dedicated},
             {"wait_mode", kWaitModes[static_cast<size_t>(config.cores.wait_mode)]}};
  if (config.cores.wake) cores["wake"] = *config.cores.wake;
  uint64_t packets = config.memory.packets;
  for (const auto& domain : config.domains) packets += domain.packets;
  return {{"control_socket", config.control_socket},
          {"cores", cores},
          {"packets", packets},
          {"packet_bytes", packets * kStrideBytes},
          {"domains", domains_of(config)},
          {"ports", ports},
          {"services", services},
          {"chains", chains},
          {"settings", config.settings},
          {"warnings", warnings_of(config)}};
}

}  // namespace roost
