// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/host_link.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "core/socket.h"
#include "core/thread_state.h"

namespace roost {
namespace {

constexpr int kAnswerPatience_ms = 20'000;  // an NF's start() may load tables
constexpr int kLastWords = 16;              // one who says more holds up nobody

// What goes wrong in a host that has attached it says unasked, as an error without a number, and ends. Empty: nothing.
std::string last_words(int socket) {
  for (int i = 0; i < kLastWords && readable_within(socket, 0); ++i) {
    const auto message = receive_message(socket);
    if (!message) break;
    const Json said = rpc_parse(message->text);
    if (!said.is_object() || !said.value("id", Json()).is_null() || !said.contains("error")) continue;
    try {
      rpc_take_result(said);
    } catch (const Error& error) {
      return error.what();
    }
  }
  return "";
}

}  // namespace

std::string HostLink::name() const {
  return fmt::format("host {} ({}, tenant '{}', pid {})", id, tier_name(tier), tenant, pid);
}

bool HostLink::wants_processor() const {
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), error))
    if (roost::wants_processor(pid, std::atoi(task.path().filename().c_str()))) return true;
  return false;
}

// A process that ends closes its socket first.
bool HostLink::has_ended() const noexcept {
  std::array<pollfd, 2> ends{pollfd{pidfd.get(), POLLIN, 0}, pollfd{socket.get(), 0, 0}};
  return poll(ends.data(), ends.size(), 0) > 0;
}

void HostLink::kill_now() const noexcept {
  if (pidfd) syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
}

void HostLink::tell(std::string_view method, Json parameters) {
  send_message(socket.get(), json_text(rpc_request(next_id_++, method, std::move(parameters))));
}

Json HostLink::ask(std::string_view method, Json parameters, const std::vector<int>& descriptors) {
  return hear(say(method, std::move(parameters), descriptors), method, kAnswerPatience_ms);
}

uint64_t HostLink::say(std::string_view method, Json parameters, const std::vector<int>& descriptors) {
  try {
    send_message(socket.get(), json_text(rpc_request(next_id_, method, std::move(parameters))), descriptors);
  } catch (const Error& error) {
    const std::string why = last_words(socket.get());
    if (why.empty() && has_ended()) fail("{}: died over '{}'; see its messages above", name(), method);
    fail("{}: {}", name(), why.empty() ? error.what() : why);
  }
  return next_id_++;
}

Json HostLink::hear(uint64_t wanted, std::string_view method, int patience_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    std::array<pollfd, 2> events{pollfd{socket.get(), POLLIN, 0}, pollfd{pidfd.get(), POLLIN, 0}};
    if (left.count() <= 0 || poll_all(events, static_cast<int>(left.count())) == 0) {
      kill_now();
      fail("{}: no answer to '{}' in {} ms; it is killed, spawn its NFs again", name(), method, patience_ms);
    }
    if (events[0].revents == 0) fail("{}: died over '{}'; see its messages above", name(), method);
    const auto message = receive_message(socket.get());
    if (!message) fail("{}: died over '{}'; see its messages above", name(), method);
    const Json answer = rpc_parse(message->text);
    if (!answer.is_object()) {
      kill_now();
      fail("{}: answers '{}' with something that is no JSON object; it is killed", name(), method);
    }
    const Json answered = answer.value("id", Json());
    if (answered.is_null() && answer.contains("error")) {
      kill_now();
      rpc_take_result(answer);
    }
    if (answered != Json(wanted)) continue;
    return rpc_take_result(answer);
  }
}

}  // namespace roost
