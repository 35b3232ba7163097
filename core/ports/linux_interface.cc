// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/linux_interface.h"

#include <arpa/inet.h>
#include <fmt/ranges.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace roost {
namespace {

FileDescriptor any_socket() {
  FileDescriptor handle(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));  // the kernel takes these requests on any
  if (!handle) fail_errno("socket");
  return handle;
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

void ask(int handle, unsigned long what, ifreq& request, std::string_view meaning) {
  if (ioctl(handle, what, &request) == 0) return;
  if (errno == EPERM)
    fail("interface '{}': no permission to {}; run roostd as root, or with CAP_NET_ADMIN", request.ifr_name, meaning);
  fail_errno("interface '{}': cannot {}", request.ifr_name, meaning);
}

}  // namespace

std::optional<InterfaceFacts> look_at_interface(const std::string& name) {
  const FileDescriptor handle = any_socket();
  InterfaceFacts facts;
  ifreq request = request_for(name);
  if (ioctl(handle.get(), SIOCGIFINDEX, &request) != 0) return std::nullopt;
  facts.index = request.ifr_ifindex;
  if (ioctl(handle.get(), SIOCGIFFLAGS, &request) != 0) return std::nullopt;
  facts.up = (request.ifr_flags & IFF_UP) != 0;
  facts.running = (request.ifr_flags & IFF_RUNNING) != 0;
  if (ioctl(handle.get(), SIOCGIFHWADDR, &request) != 0) return std::nullopt;
  facts.hardware = request.ifr_hwaddr.sa_family;
  return facts;
}

InterfaceQueues queues_of(const std::string& name) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  ifreq request = request_for(name);
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (ioctl(any_socket().get(), SIOCETHTOOL, &request) != 0) return {};
  return {std::max(1U, channels.rx_count + channels.combined_count),
          std::max(1U, channels.tx_count + channels.combined_count)};
}

FileDescriptor hold_promiscuous(int interface_index) {
  FileDescriptor handle(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!handle) fail_errno("packet socket");
  packet_mreq request{};
  request.mr_ifindex = interface_index;
  request.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(handle.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) != 0)
    fail_errno("promiscuous mode");
  return handle;
}

std::string interfaces_here() {
  std::vector<std::string> names;
  struct if_nameindex* const list = if_nameindex();
  if (list == nullptr) return "unknown";
  for (const auto* entry = list; entry->if_index != 0; ++entry) names.emplace_back(entry->if_name);
  if_freenameindex(list);
  std::sort(names.begin(), names.end());
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string interface_name_problem(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ)
    return fmt::format("'{}' has {} characters; 1 to {} are possible", name, name.size(), IFNAMSIZ - 1);
  if (name == "." || name == ".." || name.find_first_of("/:% \t\r\n\v\f") != std::string_view::npos ||
      name.find('\0') != std::string_view::npos)
    return fmt::format("'{}' is no name of an interface; use letters, digits, '-', '_' and '.'", name);
  return "";
}

std::optional<InterfaceAddress> parse_interface_address(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const std::string host = text.substr(0, slash);
  InterfaceAddress address;
  for (const int family : {AF_INET, AF_INET6})
    if (inet_pton(family, host.c_str(), address.bytes.data()) == 1) address.family = family;
  if (address.family == 0) return std::nullopt;
  const char *begin = text.data() + slash + 1, *end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, address.prefix_bits);
  const uint8_t most = address.family == AF_INET ? 32 : 128;
  if (error != std::errc() || rest != end || address.prefix_bits > most) return std::nullopt;
  return address;
}

void add_interface_address(const std::string& name, const std::string& address) {
  const auto wanted = parse_interface_address(address);
  const auto facts = look_at_interface(name);
  if (!wanted || !facts) fail("interface '{}': cannot have the address '{}'", name, address);
  const auto bytes = static_cast<unsigned short>(wanted->family == AF_INET ? 4 : 16);
  struct Request {
    nlmsghdr header;
    ifaddrmsg body;
    std::array<char, 128> attributes;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
  request.header.nlmsg_type = RTM_NEWADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  request.body.ifa_family = static_cast<uint8_t>(wanted->family);
  request.body.ifa_prefixlen = wanted->prefix_bits;
  request.body.ifa_index = static_cast<uint32_t>(facts->index);
  const auto add = [&](unsigned short type, const void* data, unsigned short length) {
    auto* const at = reinterpret_cast<char*>(&request) + NLMSG_ALIGN(request.header.nlmsg_len);
    const rtattr head{static_cast<unsigned short>(RTA_LENGTH(length)), type};
    std::memcpy(at, &head, sizeof head);
    std::memcpy(at + RTA_LENGTH(0), data, length);
    request.header.nlmsg_len = NLMSG_ALIGN(request.header.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(length));
  };
  add(IFA_LOCAL, wanted->bytes.data(), bytes);
  add(IFA_ADDRESS, wanted->bytes.data(), bytes);
  if (wanted->family == AF_INET6) {
    const uint32_t flags = IFA_F_NODAD;  // usable at once: the interface is new, and the address was chosen for it
    add(IFA_FLAGS, &flags, sizeof flags);
  }
  const FileDescriptor handle(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!handle || send(handle.get(), &request, request.header.nlmsg_len, 0) < 0)
    fail_errno("interface '{}': address '{}'", name, address);
  struct Answer {
    nlmsghdr header;
    nlmsgerr error;
    std::array<char, 512> more;
  } answer{};
  const ssize_t got = recv(handle.get(), &answer, sizeof answer, 0);
  if (got < static_cast<ssize_t>(offsetof(Answer, more)) || answer.header.nlmsg_type != NLMSG_ERROR)
    fail("interface '{}': address '{}': the kernel gave no answer", name, address);
  if (answer.error.error != 0)
    fail("interface '{}': address '{}': {}", name, address, std::strerror(-answer.error.error));
}

void set_interface_mtu(const std::string& name, uint32_t mtu_bytes) {
  ifreq request = request_for(name);
  request.ifr_mtu = static_cast<int>(mtu_bytes);
  ask(any_socket().get(), SIOCSIFMTU, request, fmt::format("set its MTU to {}", mtu_bytes));
}

void set_interface_up(const std::string& name) {
  const FileDescriptor handle = any_socket();
  ifreq request = request_for(name);
  ask(handle.get(), SIOCGIFFLAGS, request, "look at it");
  request.ifr_flags |= IFF_UP;
  ask(handle.get(), SIOCSIFFLAGS, request, "bring it up");
}

LinkNews::LinkNews() : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK;
  if (!socket_ || bind(socket_.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0)
    fail_errno("the kernel does not tell about links");
}

void LinkNews::forget() noexcept {
  std::array<char, 8192> news;
  // Where it told more than there was room for, that is an error once, and then there is the rest.
  while (recv(socket_.get(), news.data(), news.size(), MSG_TRUNC) > 0 || errno == ENOBUFS) continue;
}

}  // namespace roost
