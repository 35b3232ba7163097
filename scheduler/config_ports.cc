// SPDX-License-Identifier: BSD-3-Clause
// [[ports]]: each kind has its own options.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "core/ports/ethdev.h"
#include "core/ports/linux_interface.h"
#include "scheduler/config_parts.h"

namespace roost {
namespace {

constexpr size_t kPortsMax = 256;
constexpr int64_t kRateMaxPps = 1'000'000'000;

void read_null(TableReader& reader, NullOptions& options) {
  constexpr std::string_view kReceive[] = {"nothing", "blank"};
  if (const auto index = reader.choice("receive", kReceive)) options.blank = *index == 1;
}

void read_pcap(TableReader& reader, PcapOptions& options) {
  constexpr std::string_view kPaces[] = {"line", "recorded"};  // in the order of enum CapturePace
  options.read = reader.text("read").value_or("");
  options.write = reader.text("write").value_or("");
  if (const auto index = reader.choice("pace", kPaces)) options.pace = static_cast<CapturePace>(*index);
  options.loop = reader.flag("loop").value_or(false);
  if (options.read.empty() && options.write.empty()) {
    reader.problems().add(reader.where(), "{}: neither read nor write is given; name a capture file", reader.name());
  }
  for (const char* key : {"pace", "loop"}) {
    if (options.read.empty() && reader.has(key))
      reader.problems().add(reader.where(key), "{}: {} does nothing without read; name the capture to replay",
                            reader.name(), key);
  }
  if (!options.read.empty() && access(options.read.c_str(), R_OK) != 0) {
    reader.problems().add(reader.where("read"), "{}: capture '{}' can't be read ({}); name an existing pcap file",
                          reader.name(), options.read, std::strerror(errno));
  }
}

void read_ip_version(TableReader& reader, FlowIpVersion& version) {
  // A number or "mixed", so neither kind is wrong in itself.
  const auto& at = reader.where("ip_version");
  const auto word = reader.either("ip_version");
  if (!word) return;
  if (*word == "4") {
    version = FlowIpVersion::k4;
  } else if (*word == "6") {
    version = FlowIpVersion::k6;
  } else if (*word == "mixed") {
    version = FlowIpVersion::kMixed;
  } else {
    reader.problems().add(at, "{}: ip_version = {} isn't known; use 4, 6 or \"mixed\"", reader.name(), *word);
  }
}

void read_generator(TableReader& reader, GeneratorOptions& options) {
  constexpr std::string_view kDistributions[] = {"uniform", "zipf"};  // in the order of enum FlowDistribution
  reader.into(options.flows, "flows", 1, kGeneratorFlowsMax);
  reader.into(options.rate_pps, "rate_pps", 0, kRateMaxPps);
  const auto frame_bytes = reader.integer("frame_bytes", kGeneratorFrameBytesMin, kGeneratorFrameBytesMax);
  if (frame_bytes) options.frame_bytes = static_cast<uint32_t>(*frame_bytes);
  options.imix = reader.flag("imix").value_or(false);
  if (options.imix && frame_bytes) {
    reader.problems().add(reader.where("frame_bytes"), "{}: frame_bytes and imix contradict each other; leave one out",
                          reader.name());
  }
  if (const auto index = reader.choice("distribution", kDistributions)) {
    options.distribution = static_cast<FlowDistribution>(*index);
  }
  if (const auto exponent = reader.real("zipf_s", 0, kGeneratorZipfMax)) {
    options.zipf_s = *exponent;
    if (options.distribution != FlowDistribution::kZipf) {
      reader.problems().add(reader.where("zipf_s"), "{}: zipf_s does nothing without distribution = \"zipf\"; add that",
                            reader.name());
    }
  }
  read_ip_version(reader, options.ip_version);
  reader.into(options.seed, "seed", 0, INT64_MAX);
  reader.into(options.count, "count", 0, INT64_MAX);
  reader.into(options.backlog_packets, "backlog_packets", 0, INT64_MAX / 2);
}

// Which interface, for both kinds; two ports on one would each get all of its packets.
void read_interface(TableReader& reader, InterfaceOptions& options, std::map<std::string, std::string>& taken) {
  const auto name = reader.text("interface");
  if (!name) {
    if (!reader.has("interface"))
      reader.problems().add(reader.where(), "{}: interface isn't given; name one: interface = \"eth1\"", reader.name());
    return;
  }
  options.interface = *name;
  if (const std::string problem = interface_name_problem(*name); !problem.empty())
    reader.problems().add(reader.where("interface"), "{}: interface {}", reader.name(), problem);
  else if (const auto [other, is_new] = taken.try_emplace(*name, reader.name()); !is_new)
    reader.problems().add(reader.where("interface"), "{}: interface '{}' is that of {} already; name another",
                          reader.name(), *name, other->second);
}

void read_af_packet(TableReader& reader, InterfaceOptions& options) {
  reader.into(options.receive_kib, "receive_kib", kInterfaceQueueKibMin, kInterfaceQueueKibMax);
}

void read_tap(TableReader& reader, InterfaceOptions& options) {
  reader.into(options.mtu_bytes, "mtu_bytes", kTapMtuBytesMin, kTapMtuBytesMax);
  const toml::array* const addresses = reader.array("addresses");
  if (addresses == nullptr) return;
  for (const toml::node& node : *addresses) {
    const auto text = node.value<std::string>();
    if (text && parse_interface_address(*text))
      options.addresses.push_back(*text);
    else
      reader.problems().add(
          node.source(),
          "{}: addresses: {} is no address with its prefix; write it as \"10.0.0.1/24\" or \"fd00::1/64\"",
          reader.name(), text ? fmt::format("'{}'", *text) : "what is no text");
  }
}

void read_device(TableReader& reader, DeviceOptions& options, std::map<std::string, std::string>& taken) {
  const auto device = reader.text("device");
  reader.into(options.receive_descriptors, "receive_descriptors", 32, kQueueDescriptorsMax);
  reader.into(options.transmit_descriptors, "transmit_descriptors", 32, kQueueDescriptorsMax);
  options.promiscuous = reader.flag("promiscuous").value_or(true);
  if (!device) {
    if (!reader.has("device"))
      reader.problems().add(reader.where(), "{}: device isn't given; name one: device = \"0000:3b:00.0\"",
                            reader.name());
    return;
  }
  options.device = *device;
  if (const std::string problem = ethdev_name_problem(*device); !problem.empty())
    reader.problems().add(reader.where("device"), "{}: device {}", reader.name(), problem);
  else if (const auto [other, is_new] = taken.try_emplace(device->substr(0, device->find(',')), reader.name()); !is_new)
    reader.problems().add(reader.where("device"), "{}: device '{}' is that of {} already; name another", reader.name(),
                          *device, other->second);
}

// Kinds that have a queue for each io core.
bool has_queues(PortKind kind) {
  return kind == PortKind::kAfPacket || kind == PortKind::kAfXdp || kind == PortKind::kDpdk;
}

// The io cores whose loops have the port, by their places.
void read_io(TableReader& reader, size_t io_cores, std::optional<size_t> kind, std::vector<uint32_t>& io) {
  if (!reader.is_list("io")) {
    if (const auto place = reader.integer("io", 0, static_cast<int64_t>(io_cores) - 1))
      io = {static_cast<uint32_t>(*place)};
    return;
  }
  const toml::array* const places = reader.array("io");
  for (const toml::node& node : *places) {
    const auto place = node.value<int64_t>();
    if (!node.is_integer() || *place < 0 || *place >= static_cast<int64_t>(io_cores)) {
      reader.problems().add(node.source(),
                            "{}: io lists what is no io core's place; there are {} in [cores] io, numbered from 0",
                            reader.name(), io_cores);
    } else if (std::find(io.begin(), io.end(), *place) != io.end()) {
      reader.problems().add(node.source(), "{}: io lists {} twice; name it once", reader.name(), *place);
    } else {
      io.push_back(static_cast<uint32_t>(*place));
    }
  }
  if (places->empty())
    reader.problems().add(reader.where("io"), "{}: io is empty; leave it out, or name one", reader.name());
  if (io.size() > 1 && kind && !has_queues(static_cast<PortKind>(*kind)))
    reader.problems().add(reader.where("io"), "{}: a port of kind \"{}\" belongs to one io core; name one: io = {}",
                          reader.name(), kPortKindNames[*kind], io.front());
}

}  // namespace

void read_ports(TableReader& root, ManagerConfig& config) {
  auto& ports = config.ports;
  std::vector<std::string> names;
  std::map<std::string, std::string> interfaces;  // and whose they are
  for (const toml::table* table : root.tables("ports")) {
    TableReader reader(*table, "port", root.problems());
    ManagerConfig::Port port;
    port.name = read_name(reader, "port", names);
    port.chain = reader.text("chain").value_or("");
    port.domain = read_domain(reader, config.domains);
    const auto kind = reader.choice("kind", kPortKindNames);
    read_io(reader, config.cores.io.size(), kind, port.io);
    if (!table->contains("kind")) {
      root.problems().add(reader.where(),
                          "{}: kind isn't given; use \"null\", \"pcap\", \"generator\", \"af_packet\", \"tap\", "
                          "\"af_xdp\" or \"dpdk\"",
                          reader.name());
    }
    if (kind) {
      port.kind = static_cast<PortKind>(*kind);
      if (port.kind == PortKind::kNull) read_null(reader, port.null);
      if (port.kind == PortKind::kPcap) read_pcap(reader, port.pcap);
      if (port.kind == PortKind::kGenerator) read_generator(reader, port.generator);
      if (port.kind == PortKind::kAfPacket || port.kind == PortKind::kTap || port.kind == PortKind::kAfXdp)
        read_interface(reader, port.interface, interfaces);
      if (port.kind == PortKind::kAfPacket) read_af_packet(reader, port.interface);
      if (port.kind == PortKind::kTap) read_tap(reader, port.interface);
      if (port.kind == PortKind::kDpdk) read_device(reader, port.device, interfaces);
      if (port.kind == PortKind::kDpdk && !config.domains.empty() && is_pci_address(port.device.device))
        reader.problems().add(reader.where("device"),
                              "{}: a card reaches the packets of one domain only, so it goes with no [[domains]]; use "
                              "kind = \"af_xdp\", or leave them out",
                              reader.name());
      reader.finish();  // without a kind, nobody knows which keys belong here
    }
    ports.push_back(std::move(port));
  }
  if (ports.empty()) {
    root.problems().add(root.where(), "there are no ports; add [[ports]] with a name and a kind");
  } else if (ports.size() > kPortsMax) {
    root.problems().add(root.where("ports"), "there are {} ports; {} is the most", ports.size(), kPortsMax);
  }
}

}  // namespace roost
