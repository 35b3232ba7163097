// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/tap_port.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/log.h"
#include "core/ports/linux_interface.h"

#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

namespace roost {
namespace {

constexpr uint16_t kPartsMax = 64;

// In another network namespace than this thread. What can't be found out is taken for no.
bool is_elsewhere(const FileDescriptor& tap) {
  const FileDescriptor its(ioctl(tap.get(), TUNGETDEVNETNS)),
      ours(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  struct stat a {
  }, b{};
  return its && ours && fstat(its.get(), &a) == 0 && fstat(ours.get(), &b) == 0 && a.st_ino != b.st_ino;
}

}  // namespace

TapPort::TapPort(const PortConfig& config, uint16_t index, rte_mempool* pool)
    : InterfacePort(config, index, pool),
      interface_(config.interface.interface),
      addresses_(config.interface.addresses),
      mtu_bytes_(config.interface.mtu_bytes),
      tap_(make_interface()) {}

FileDescriptor TapPort::make_interface() const {
  if (const std::string problem = interface_name_problem(interface_); !problem.empty()) fail("tap {}", problem);
  if (look_at_interface(interface_))
    fail("tap '{}': there is an interface of that name; choose another name, or remove it: ip link del {}", interface_,
         interface_);
  FileDescriptor tap(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!tap && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
    fail("tap '{}': this machine has no /dev/net/tun; load it: modprobe tun", interface_);
  if (!tap && (errno == EPERM || errno == EACCES))
    fail("tap '{}': no permission to open /dev/net/tun; run roostd as root, or with CAP_NET_ADMIN", interface_);
  if (!tap) fail_errno("tap '{}': /dev/net/tun", interface_);
  ifreq request{};
  interface_.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
  if (ioctl(tap.get(), TUNSETIFF, &request) != 0) {
    if (errno == EPERM)
      fail("tap '{}': no permission to make it; run roostd as root, or with CAP_NET_ADMIN", interface_);
    fail_errno("tap '{}': cannot make it", interface_);
  }
  // The machine may leave checksums and cutting to us: it then hands over up to 64 KiB by one call.
  constexpr unsigned long kTaken = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (ioctl(tap.get(), TUNSETOFFLOAD, kTaken) != 0) fail_errno("tap '{}': offloads", interface_);
  set_interface_mtu(interface_, mtu_bytes_);
  for (const auto& address : addresses_) add_interface_address(interface_, address);
  set_interface_up(interface_);
  return tap;
}

std::function<void()> TapPort::look_at_link() {
  ifreq request{};
  if (ioctl(tap_.get(), TUNGETIFF, &request) == 0) {
    const auto facts = look_at_interface(request.ifr_name);  // somebody may have given it another name
    if (!facts || is_elsewhere(tap_))
      tell_link(LinkState::moved, interface_);
    else
      tell_link(facts->up && facts->running ? LinkState::up : LinkState::down, request.ifr_name);
    return {};
  }
  tell_link(LinkState::gone, interface_);
  try {
    auto tap = std::make_shared<FileDescriptor>(make_interface());
    tell_link(LinkState::up, interface_);
    return [this, tap] {
      std::swap(tap_, *tap);
      broken_ = false;
    };
  } catch (const Error& error) {
    log_warn("port '{}': {}", name(), error.what());
    return {};
  }
}

uint16_t TapPort::fetch(std::span<Slot> slots) noexcept {
  if (broken_) return 0;
  uint16_t came = 0;
  for (Slot& slot : slots) {
    iovec parts[3]{
        {&slot.header, sizeof slot.header}, {first_bytes(slot), room_bytes()}, {further_bytes(came), kLongBytes}};
    const ssize_t got = readv(tap_.get(), parts, 3);
    if (got < 0) {
      broken_ = errno == EBADFD;  // which would end every sleep
      break;
    }
    slot.tag_type = 0;
    slot.bytes = 0;
    const auto bytes = static_cast<size_t>(got);
    if (bytes > sizeof slot.header)
      slot.bytes = static_cast<uint32_t>(bytes - sizeof slot.header);
    else
      counters_.receive_dropped.runt.add(1);
    ++came;
  }
  return came;
}

uint16_t TapPort::transmit(rte_mbuf** packets, uint16_t count) noexcept {
  OffloadHeader header{};  // all is done
  for (uint16_t i = 0; i < count; ++i) {
    iovec parts[1 + kPartsMax];
    int used = 0;
    parts[used++] = {&header, sizeof header};
    if (packets[i]->nb_segs > kPartsMax) {
      lose(packets[i]);
      continue;
    }
    for (rte_mbuf* segment = packets[i]; segment != nullptr; segment = segment->next)
      parts[used++] = {rte_pktmbuf_mtod(segment, void*), segment->data_len};
    if (writev(tap_.get(), parts, used) >= 0) {
      discard(packets + i, 1);
    } else if (errno == EINVAL || errno == EMSGSIZE) {
      lose(packets[i]);  // this one, for what it is
    } else {
      return i;  // full, down or gone
    }
  }
  return count;
}

}  // namespace roost
