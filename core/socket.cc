// SPDX-License-Identifier: BSD-3-Clause
#include "core/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "core/error.h"
#include "core/protocol.h"

namespace roost {
namespace {

constexpr size_t kDescriptorsMax = 32;
constexpr int kMemoryTries = 100, kMemoryPause_us = 1'000;
constexpr int kSendPatience_ms = 2'000;  // a host that doesn't read its orders for this long has failed

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    fail("socket '{}': the path must have 1 to {} characters", path, sizeof address.sun_path - 1);
  path.copy(address.sun_path, path.size());
  return address;
}

// The kernel has no memory for a message: in a moment it may. Without a bound that would be no answer.
bool try_again_without_memory(int& tries) {
  if ((errno != ENOMEM && errno != ENOBUFS) || tries++ == kMemoryTries) return false;
  usleep(kMemoryPause_us);
  return true;
}

bool connects(const std::string& path, int type) {
  const auto address = address_of(path);
  const FileDescriptor probe(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

FileDescriptor listen_unix(const std::string& path, int type) {
  const auto address = address_of(path);
  FileDescriptor listener(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) fail_errno("socket '{}'", path);
  const mode_t before = umask(0177);
  int bound = bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (bound != 0 && errno == EADDRINUSE) {
    if (connects(path, type)) {
      umask(before);
      fail("socket '{}': a manager is listening there already; stop it ('roost down') or choose another control_socket",
           path);
    }
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) unlink(path.c_str());
    bound = bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  umask(before);
  if (bound != 0) fail_errno("socket '{}': cannot create it", path);
  if (listen(listener.get(), 256) != 0) fail_errno("socket '{}': cannot listen", path);
  return listener;
}

void unlink_stale(const std::string& path, int type) noexcept {
  struct stat status {};
  timespec now{};
  if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode) || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
      now.tv_sec - status.st_ctim.tv_sec < 2)  // between bind() and listen(), perhaps
    return;
  try {
    if (!connects(path, type) && errno == ECONNREFUSED) unlink(path.c_str());
  } catch (const Error&) {  // a path that no socket can have
  }
}

FileDescriptor connect_unix(const std::string& path, int type) {
  const auto address = address_of(path);
  FileDescriptor connection(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!connection) fail_errno("socket '{}'", path);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      fail("socket '{}': no manager is listening there; start one ('roost up') or name its socket (--socket)", path);
    if (errno == EACCES)
      fail("socket '{}': no permission to connect; run this as the user whose manager it is, or as root", path);
    fail_errno("socket '{}': cannot connect", path);
  }
  return connection;
}

FileDescriptor accept_unix(int listener) {
  FileDescriptor connection(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return connection;
  if (errno == EMFILE || errno == ENFILE)
    fail_errno(
        "a connection cannot be accepted; raise the bound of descriptors (LimitNOFILE of the service, ulimit -n)");
  fail_errno("a connection cannot be accepted");
}

Peer peer_of(int socket) {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) fail_errno("socket: who is the peer");
  Peer peer{credentials.pid, credentials.uid, credentials.gid};
  // Asked for with no room, the kernel says how much it takes; kernels before 4.13 don't tell these groups.
  bytes = 0;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) != 0 && errno == ERANGE) {
    peer.groups.resize(bytes / sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes) != 0) peer.groups.clear();
  }
  return peer;
}

void open_socket_file(const std::string& path, mode_t mode, std::optional<gid_t> group) {
  // The group first: before it is there, nobody of another one gets in.
  if (group && chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
    fail_errno("socket '{}': cannot be given to group {}; only root, and members of it, can do that", path, *group);
  if (chmod(path.c_str(), mode) != 0) fail_errno("socket '{}': cannot be given mode {:04o}", path, mode);
}

void set_blocking(int fd, bool blocking) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int poll_all(std::span<pollfd> descriptors, int patience_ms) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(patience_ms);
  for (;;) {
    const int ready = poll(descriptors.data(), descriptors.size(), patience_ms);
    if (ready >= 0) return ready;
    if (errno != EINTR) fail_errno("poll");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (patience_ms > 0) patience_ms = static_cast<int>(std::max<int64_t>(0, left));
  }
}

bool readable_within(int fd, int patience_ms) {
  pollfd event{fd, POLLIN, 0};
  return poll_all({&event, 1}, patience_ms) != 0;
}

void send_message(int socket, std::string_view text, const std::vector<int>& descriptors) {
  if (descriptors.size() > kDescriptorsMax)
    fail("message: {} descriptors are more than {}", descriptors.size(), kDescriptorsMax);
  if (text.size() > kHostMessageBytesMax) fail("message: {} bytes are more than {}", text.size(), kHostMessageBytesMax);
  iovec content{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
  }
  for (int tries = 0; sendmsg(socket, &header, MSG_NOSIGNAL) < 0;) {
    if (errno == EINTR || try_again_without_memory(tries)) continue;
    pollfd writable{socket, POLLOUT, 0};
    if (errno != EAGAIN) fail_errno("message: the peer does not take it");
    if (poll_all({&writable, 1}, kSendPatience_ms) == 0)
      fail("message: the peer does not take it within {} ms", kSendPatience_ms);
  }
}

std::optional<Message> receive_message(int socket, bool* closed) {
  if (closed != nullptr) *closed = false;
  Message message;
  message.text.resize(kHostMessageBytesMax + 1);
  iovec content{message.text.data(), message.text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t bytes;
  int tries = 0;
  do bytes = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (bytes < 0 && (errno == EINTR || try_again_without_memory(tries)));
  for (cmsghdr* part = bytes < 0 ? nullptr : CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      message.descriptors.emplace_back(fd);
    }
  }
  if (bytes <= 0) {
    if (closed != nullptr) *closed = bytes == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return std::nullopt;
  }
  message.text.resize(static_cast<size_t>(bytes));
  return message;
}

std::optional<std::string> receive_line(int socket, std::string& buffer, size_t bytes_max) {
  std::array<char, 16 << 10> chunk;
  for (;;) {
    const size_t end = buffer.find('\n');
    if (std::min(end, buffer.size()) > bytes_max) fail("line: more than {} bytes", bytes_max);
    if (end != std::string::npos) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    const ssize_t bytes = read(socket, chunk.data(), chunk.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return std::nullopt;
    buffer.append(chunk.data(), static_cast<size_t>(bytes));
  }
}

void send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t bytes = send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) fail_errno("socket: cannot send");
    text.remove_prefix(static_cast<size_t>(bytes));
  }
}

// SO_SNDTIMEO would count anew for each piece that the kernel takes.
void send_within(int socket, std::string_view text, int patience_ms) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(patience_ms);
  for (int tries = 0; !text.empty();) {
    const ssize_t bytes = send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (bytes >= 0) {
      text.remove_prefix(static_cast<size_t>(bytes));
      continue;
    }
    if (errno == EINTR || try_again_without_memory(tries)) continue;
    if (errno != EAGAIN) fail_errno("socket: cannot send");
    pollfd writable{socket, POLLOUT, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0 || poll_all({&writable, 1}, static_cast<int>(left)) == 0)
      fail("socket: the peer has not taken {} bytes of it in {} ms", text.size(), patience_ms);
  }
}

}  // namespace roost
