// SPDX-License-Identifier: BSD-3-Clause
// What a port is made from: plain data, filled in by the configuration and checked by open_port().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roost {

class Ethdev;
class XdpBinding;

// What the queues of one port have in common, where several loops have one each. The first that is opened makes it, and
// makes it anew where its interface has come back as another one. The control thread's.
struct PortGroup {
  uint32_t queues = 1;  // that there can be: as many as asked for, or fewer
  struct {
    int interface_index = 0;
    uint16_t id = 0;
  } fanout;                               // af_packet
  std::shared_ptr<XdpBinding> binding{};  // af_xdp
  std::shared_ptr<Ethdev> device{};       // dpdk
};

// Which of them this one is.
struct PortQueue {
  uint32_t number = 0;
  uint32_t count = 1;                  // that are asked for
  std::shared_ptr<PortGroup> group{};  // null: there is one
};

enum class PortKind : uint8_t { kNull, kPcap, kGenerator, kAfPacket, kTap, kAfXdp, kDpdk };
inline constexpr std::string_view kPortKindNames[]{"null", "pcap",   "generator", "af_packet",
                                                   "tap",  "af_xdp", "dpdk"};  // in that order
constexpr std::string_view port_kind_name(PortKind kind) noexcept { return kPortKindNames[static_cast<size_t>(kind)]; }
enum class CapturePace : uint8_t { kLine, kRecorded };
enum class FlowDistribution : uint8_t { kUniform, kZipf };
enum class FlowIpVersion : uint8_t { k4, k6, kMixed };

inline constexpr uint32_t kGeneratorFrameBytesMin = 64;
inline constexpr uint32_t kGeneratorFrameBytesMax = 1518;
inline constexpr uint32_t kGeneratorFlowsMax = 1U << 24;  // as many as have a source address of their own
inline constexpr double kGeneratorZipfMax = 8.0;

struct NullOptions {
  bool blank = false;  // 64-byte frames of zeros without end, as DPDK's net_null; else it receives nothing
};

struct PcapOptions {
  std::string read{};   // the capture to replay; empty: the port receives nothing
  std::string write{};  // the capture to write; empty: what is sent is discarded
  CapturePace pace = CapturePace::kLine;
  bool loop = false;
};

// Frame lengths are the bytes in memory, as net_null counts them: a 64-byte frame is 64 bytes in its mbuf
// and 68 with the checksum that a NIC would append.
struct GeneratorOptions {
  uint32_t flows = 1000;
  uint64_t rate_pps = 0;      // 0: as fast as they are taken
  uint32_t frame_bytes = 64;  // kGeneratorFrameBytesMin to kGeneratorFrameBytesMax
  bool imix = false;          // 64, 570 and 1518 bytes as 7:4:1, instead of frame_bytes
  FlowDistribution distribution = FlowDistribution::kUniform;
  double zipf_s = 1.0;  // flow k (from 1) has weight k^-zipf_s
  FlowIpVersion ip_version = FlowIpVersion::k4;
  uint64_t seed = 1;
  uint64_t count = 0;            // packets in all; 0: without end
  uint64_t backlog_packets = 0;  // late packets beyond this many are missed, as by a NIC; 0: all are sent late
};

inline constexpr uint32_t kInterfaceQueueKibMin = 64;
inline constexpr uint32_t kInterfaceQueueKibMax = 1U << 20;
inline constexpr uint32_t kTapMtuBytesMin = 68;
inline constexpr uint32_t kTapMtuBytesMax = 65521;

// Of ports that are interfaces of this machine.
struct InterfaceOptions {
  std::string interface {};              // af_packet, af_xdp: one that is there; tap: the name of the one that is made
  uint32_t receive_kib = 4'096;          // af_packet: what may wait in the kernel, for each queue
  uint32_t mtu_bytes = 1'500;            // tap
  std::vector<std::string> addresses{};  // tap: of this machine there: "10.0.0.1/24", "fd00::1/64"
};

inline constexpr uint32_t kQueueDescriptorsMax = 32'768;

// Of ports that are devices of DPDK's.
struct DeviceOptions {
  std::string device{};                  // core/ports/ethdev.h says how it is written
  uint16_t receive_descriptors = 1'024;  // what fits the device's own limits is taken
  uint16_t transmit_descriptors = 1'024;
  bool promiscuous = true;
};

// Only the options of `kind` are looked at.
struct PortConfig {
  std::string name{};
  PortKind kind = PortKind::kNull;
  PortQueue queue{};  // af_packet, af_xdp and dpdk
  NullOptions null{};
  PcapOptions pcap{};
  GeneratorOptions generator{};
  InterfaceOptions interface {};  // af_packet, tap and af_xdp
  DeviceOptions device{};         // dpdk
};

}  // namespace roost
