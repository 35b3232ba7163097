// SPDX-License-Identifier: BSD-3-Clause
// UNIX sockets as control code uses them: lines for operators, packets with descriptors for hosts.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/shared_memory.h"

namespace roost {

struct Peer {
  pid_t pid;
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups{};  // beside gid
};

// Listening, mode 0600 (so only the same user and root connect). A stale socket file, of a manager that is gone, is
// replaced; a live one is an error. Throws Error.
FileDescriptor listen_unix(const std::string& path, int type);
// A listener's file for more than its own user: its mode and, if given, its group. Throws Error.
void open_socket_file(const std::string& path, mode_t mode, std::optional<gid_t> group);
FileDescriptor connect_unix(const std::string& path, int type);
// Removes the name of a socket on which nobody listens any more, and has not begun to a moment ago.
void unlink_stale(const std::string& path, int type) noexcept;
// Non-blocking connection; none is there, or not any more: an empty descriptor. Throws Error, where descriptors have
// run out, say: the connection waits on.
FileDescriptor accept_unix(int listener);
Peer peer_of(int socket);
void set_blocking(int fd, bool blocking);
// poll(2) that no signal ends. Returns how many are ready, 0: none in time.
int poll_all(std::span<pollfd> descriptors, int patience_ms);
bool readable_within(int fd, int patience_ms);

struct Message {
  std::string text;
  std::vector<FileDescriptor> descriptors;
};
// One packet of a SOCK_SEQPACKET socket. Sending throws Error where the peer is gone or its buffer stays full.
void send_message(int socket, std::string_view text, const std::vector<int>& descriptors = {});
// Nothing: the peer has closed, or (non-blocking) nothing is there: `closed` tells.
std::optional<Message> receive_message(int socket, bool* closed = nullptr);

// A line of a stream socket, blocking, at most `bytes_max` long. Nothing: the peer closed before a whole line came.
std::optional<std::string> receive_line(int socket, std::string& buffer, size_t bytes_max);
void send_all(int socket, std::string_view text);
// All of it by then, however slowly the peer reads, or Error. The socket may be blocking or not.
void send_within(int socket, std::string_view text, int patience_ms);

}  // namespace roost
