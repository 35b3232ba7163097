// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace roost::cli {

Client::Client(std::string path) : path_(std::move(path)) {
  try {
    socket_ = connect_unix(path_, SOCK_STREAM);
  } catch (const Error& error) {
    if (access(path_.c_str(), F_OK) == 0 && access(path_.c_str(), R_OK | W_OK) != 0)
      fail("socket '{}': belongs to another user; be that user, or root", path_);
    throw NoManager(error.what());
  }
}

Json Client::call(std::string_view method, Json parameters, std::chrono::milliseconds patience) {
  try {
    send_all(socket_.get(), json_text(rpc_request(++last_id_, method, std::move(parameters))) + "\n");
  } catch (const Error&) {  // it may have said why before it closed
  }
  const Json answer = rpc_parse(receive(method, patience));
  if (answer.is_discarded()) fail("{}: the answer is not JSON; is '{}' a manager's socket?", method, path_);
  Json result = rpc_take_result(answer);
  if (answer.value("id", Json()) != last_id_) fail("{}: the answer is to another request", method);
  return result;
}

bool Client::wait_for_close(std::chrono::milliseconds patience) {
  std::array<char, 4096> chunk;
  while (readable_within(socket_.get(), static_cast<int>(patience.count())))
    if (read(socket_.get(), chunk.data(), chunk.size()) <= 0) return true;
  return false;
}

std::string Client::receive(std::string_view method, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  std::array<char, 64 << 10> chunk;
  for (size_t looked = 0;;) {
    if (const size_t end = buffer_.find('\n', looked); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    looked = buffer_.size();
    if (looked > kAnswerBytesMax) fail("{}: the answer has more than {} bytes", method, kAnswerBytesMax);
    wait_readable(method, until);
    const ssize_t bytes = read(socket_.get(), chunk.data(), chunk.size());
    if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (bytes <= 0) throw NoManager(fmt::format("{}: the manager went away before it answered; see its log", method));
    buffer_.append(chunk.data(), static_cast<size_t>(bytes));
  }
}

void Client::wait_readable(std::string_view method, std::chrono::steady_clock::time_point until) const {
  std::array<pollfd, 2> events{{{socket_.get(), POLLIN, 0}, {interrupt_fd_, POLLIN, 0}}};  // poll skips a -1
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  const int ready = poll(events.data(), events.size(), static_cast<int>(std::max<int64_t>(0, left.count())));
  if (ready < 0 && errno != EINTR) fail_errno("{}: waiting for the answer", method);
  if (ready > 0 && events[1].revents != 0) throw Interrupted("interrupted");
  if (ready == 0) fail("{}: no answer in time; the manager is busy or stuck, see its log", method);
}

}  // namespace roost::cli
