// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/offload.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <cstring>

namespace roost {
namespace {

constexpr uint32_t kTagBytes = 4;
constexpr int kTagsMax = 2;

uint16_t word_at(const uint8_t* at) noexcept { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

template <typename Header>
Header read(const uint8_t* at) noexcept {
  Header header;
  std::memcpy(&header, at, sizeof header);
  return header;
}

struct Transport {
  uint32_t ip_at = 0, at = 0;
  uint8_t protocol = 0;
  bool wide = false;  // IPv6
};

// Behind up to two VLAN tags. The IP header and its options are within the frame.
bool find_transport(const uint8_t* frame, uint32_t bytes, Transport& found) noexcept {
  found.ip_at = sizeof(rte_ether_hdr);
  for (int tags = 0;; ++tags, found.ip_at += kTagBytes) {
    if (found.ip_at > bytes) return false;
    const uint16_t type = word_at(frame + found.ip_at - 2);
    if (type == RTE_ETHER_TYPE_IPV4 || type == RTE_ETHER_TYPE_IPV6) {
      found.wide = type == RTE_ETHER_TYPE_IPV6;
      break;
    }
    if (tags == kTagsMax || (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)) return false;
  }
  const uint32_t ip_bytes = bytes - found.ip_at;
  if (found.wide) {
    // Extension headers are not followed: nobody leaves work to hardware behind them.
    if (ip_bytes < sizeof(rte_ipv6_hdr)) return false;
    found.protocol = frame[found.ip_at + offsetof(rte_ipv6_hdr, proto)];
    found.at = found.ip_at + static_cast<uint32_t>(sizeof(rte_ipv6_hdr));
    return true;
  }
  if (ip_bytes < sizeof(rte_ipv4_hdr)) return false;
  const auto ip = read<rte_ipv4_hdr>(frame + found.ip_at);
  const uint32_t length = rte_ipv4_hdr_len(&ip);
  if (length < sizeof ip || length > ip_bytes) return false;
  found.protocol = ip.next_proto_id;
  found.at = found.ip_at + length;
  return true;
}

}  // namespace

bool find_begun_checksum(const uint8_t* frame, uint32_t bytes, OffloadHeader& header) noexcept {
  Transport found;
  if (!find_transport(frame, bytes, found)) return false;
  const bool tcp = found.protocol == IPPROTO_TCP;
  if (!tcp && found.protocol != IPPROTO_UDP) return false;
  const size_t offset = tcp ? offsetof(rte_tcp_hdr, cksum) : offsetof(rte_udp_hdr, dgram_cksum);
  if (bytes - found.at < offset + sizeof(uint16_t)) return false;
  uint16_t begun;
  if (found.wide) {
    const auto ip = read<rte_ipv6_hdr>(frame + found.ip_at);
    begun = rte_ipv6_phdr_cksum(&ip, 0);
  } else {
    const auto ip = read<rte_ipv4_hdr>(frame + found.ip_at);
    constexpr uint16_t kFragment = RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK;
    if ((ip.fragment_offset & rte_cpu_to_be_16(kFragment)) != 0) return false;
    begun = rte_ipv4_phdr_cksum(&ip, 0);
  }
  if (read<uint16_t>(frame + found.at + offset) != begun) return false;
  header.flags = kChecksumIsBegun;
  header.checksum_start = static_cast<uint16_t>(found.at);
  header.checksum_offset = static_cast<uint16_t>(offset);
  return true;
}

bool finish_checksum(uint8_t* frame, uint32_t bytes, uint32_t start, uint32_t offset) noexcept {
  // Headers begin at even bytes, and words are added up from there.
  if (start >= bytes || start % 2 != 0 || offset + 2 > bytes - start || bytes > UINT16_MAX) return false;
  auto sum = static_cast<uint16_t>(~rte_raw_cksum(frame + start, bytes - start));
  if (sum == 0) sum = UINT16_MAX;  // the same number; in UDP, 0 would say that there is none
  std::memcpy(frame + start + offset, &sum, sizeof sum);
  return true;
}

bool SegmentCutter::begin(const uint8_t* frame, uint32_t bytes, const OffloadHeader& header) noexcept {
  frame_ = frame;
  bytes_ = bytes;
  next_ = bytes;  // done, unless all is well
  number_ = 0;
  payload_max_ = header.segment_bytes;
  if (payload_max_ == 0 || !find_headers(header)) return false;
  next_ = header_bytes_;
  return next_ < bytes_;
}

bool SegmentCutter::find_headers(const OffloadHeader& header) noexcept {
  const uint8_t kind = header.kind & static_cast<uint8_t>(~kWithEcn);
  tcp_ = kind == kTcp4Segments || kind == kTcp6Segments;
  if (!tcp_ && kind != kUdpSegments) return false;
  const uint8_t protocol = tcp_ ? IPPROTO_TCP : IPPROTO_UDP;

  Transport found;
  if (!find_transport(frame_, bytes_, found) || found.protocol != protocol) return false;
  ip_at_ = found.ip_at;
  transport_at_ = found.at;
  wide_ = found.wide;
  if (tcp_ && wide_ != (kind == kTcp6Segments)) return false;
  // In a tunnel, the segments are of what is inside.
  const bool begun = (header.flags & kChecksumIsBegun) != 0;
  if (begun && header.checksum_start != transport_at_) return false;

  uint32_t transport_bytes = sizeof(rte_udp_hdr);
  if (tcp_) {
    if (bytes_ - transport_at_ < sizeof(rte_tcp_hdr)) return false;
    transport_bytes = uint32_t{frame_[transport_at_ + offsetof(rte_tcp_hdr, data_off)]} >> 4 << 2;
    if (transport_bytes < sizeof(rte_tcp_hdr)) return false;
  }
  if (transport_bytes > bytes_ - transport_at_) return false;
  header_bytes_ = transport_at_ + transport_bytes;
  return header_bytes_ + payload_max_ <= UINT16_MAX;
}

void SegmentCutter::cut(uint8_t* to) noexcept {
  const uint32_t payload = payload_bytes(), sent = next_ - header_bytes_;
  std::memcpy(to, frame_, header_bytes_);
  std::memcpy(to + header_bytes_, frame_ + next_, payload);
  next_ += payload;
  const auto transport_bytes = static_cast<uint16_t>(header_bytes_ - transport_at_ + payload);
  uint8_t* const transport = to + transport_at_;
  uint8_t* field = nullptr;  // its checksum
  if (tcp_) {
    auto tcp = read<rte_tcp_hdr>(transport);
    tcp.sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp.sent_seq) + sent);
    if (!done()) tcp.tcp_flags &= static_cast<uint8_t>(~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG));
    if (number_ != 0) tcp.tcp_flags &= static_cast<uint8_t>(~RTE_TCP_CWR_FLAG);
    tcp.cksum = 0;
    std::memcpy(transport, &tcp, sizeof tcp);
    field = transport + offsetof(rte_tcp_hdr, cksum);
  } else {
    auto udp = read<rte_udp_hdr>(transport);
    udp.dgram_len = rte_cpu_to_be_16(transport_bytes);
    udp.dgram_cksum = 0;
    std::memcpy(transport, &udp, sizeof udp);
    field = transport + offsetof(rte_udp_hdr, dgram_cksum);
  }
  uint16_t sum = 0;
  if (wide_) {
    auto* const ip = reinterpret_cast<rte_ipv6_hdr*>(to + ip_at_);
    ip->payload_len = rte_cpu_to_be_16(transport_bytes);
    sum = rte_ipv6_udptcp_cksum(ip, transport);
  } else {
    auto* const ip = reinterpret_cast<rte_ipv4_hdr*>(to + ip_at_);
    ip->total_length = rte_cpu_to_be_16(static_cast<uint16_t>(transport_at_ - ip_at_ + transport_bytes));
    ip->packet_id = rte_cpu_to_be_16(static_cast<uint16_t>(rte_be_to_cpu_16(ip->packet_id) + number_));
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    sum = rte_ipv4_udptcp_cksum(ip, transport);
  }
  std::memcpy(field, &sum, sizeof sum);
  ++number_;
}

}  // namespace roost
