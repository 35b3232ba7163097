// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace roost::test {
namespace {

constexpr uint16_t kServerPort = 5'555;

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address address_of(const std::string& text) {
  Address address;
  if (text.find(':') == std::string::npos) {
    auto* const four = reinterpret_cast<sockaddr_in*>(&address.storage);
    four->sin_family = AF_INET;
    four->sin_port = htons(kServerPort);
    inet_pton(AF_INET, text.c_str(), &four->sin_addr);
    address.length = sizeof *four;
  } else {
    auto* const six = reinterpret_cast<sockaddr_in6*>(&address.storage);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(kServerPort);
    inet_pton(AF_INET6, text.c_str(), &six->sin6_addr);
    address.length = sizeof *six;
  }
  address.family = address.storage.ss_family;
  return address;
}

void be_patient(const FileDescriptor& socket, int seconds = kSanitized ? 120 : 30) {
  const timeval patience{seconds, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

// FNV-1a, of a stream.
struct Checksum {
  uint64_t value = 14'695'981'039'346'656'037U;
  uint64_t bytes = 0;
  void add(const std::vector<uint8_t>& data, size_t count) {
    for (size_t i = 0; i < count; ++i) value = (value ^ data[i]) * 1'099'511'628'211U;
    bytes += count;
  }
};

}  // namespace

std::string no_namespaces() {
  if (geteuid() != 0) return "network namespaces take root";
  for (const char* program : {"ip", "ping", "nsenter"})
    if (run_to_end({program, "-V"}).status != 0) return fmt::format("'{}' is not installed", program);
  try {
    const Namespace probe;
    const Exit made = probe.run("ip link add probe0 type veth peer name probe1");
    return made.status == 0 ? "" : "no veth interfaces here: " + made.said;
  } catch (const std::exception& error) {
    return error.what();
  }
}

Namespace::Namespace() {
  std::array<int, 2> ready{};
  if (pipe2(ready.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const FileDescriptor from(ready[0]);
  FileDescriptor to(ready[1]);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const char good = unshare(CLONE_NEWNET) == 0 ? 1 : 0;
    if (write(to.get(), &good, 1) == 1)
      while (good != 0) pause();
    _exit(1);
  }
  to.reset();
  char good = 0;
  if (pid_ > 0 && read(from.get(), &good, 1) == 1 && good != 0) {
    expect("ip link set lo up");
    return;
  }
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  throw std::runtime_error("no network namespace can be made here");
}

Namespace::~Namespace() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::vector<std::string> Namespace::prefix() const { return {"nsenter", fmt::format("--net=/proc/{}/ns/net", pid_)}; }

Exit Namespace::run(const std::string& command) const {
  std::vector<std::string> words = prefix();
  std::istringstream parts(command);
  for (std::string word; parts >> word;) words.push_back(word);
  return run_to_end(words, 60'000);
}

void Namespace::expect(const std::string& command) const {
  const Exit exit = run(command);
  EXPECT_EQ(exit.status, 0) << command << ": " << exit.said;
}

FileDescriptor Namespace::socket_in(int domain, int type, int protocol) const {
  FileDescriptor made;
  std::thread([&] {
    const FileDescriptor there(open(fmt::format("/proc/{}/ns/net", pid_).c_str(), O_RDONLY | O_CLOEXEC));
    if (setns(there.get(), CLONE_NEWNET) == 0) made = FileDescriptor(socket(domain, type | SOCK_CLOEXEC, protocol));
  }).join();
  if (!made) throw std::runtime_error("no socket in that namespace");
  return made;
}

void Namespace::give_addresses(const std::string& interface, int number) const {
  expect(fmt::format("ip addr add 10.9.0.{}/24 dev {}", number, interface));
  expect(fmt::format("ip link set {} up", interface));
  expect(fmt::format("ip addr add fd09::{}/64 dev {} nodad", number, interface));
}

void join(const Namespace& here, const std::string& name, const Namespace& there) {
  here.expect(fmt::format("ip link add {} type veth peer name e0 netns {}", name, there.pid()));
  // Without addresses of their own the ends say nothing by themselves.
  here.expect(fmt::format("ip link set {} addrgenmode none up", name));
  there.expect("ip link set e0 addrgenmode none up");
}

bool pings(const Namespace& from, const std::string& to) {
  return eventually([&] { return from.run("ping -c 1 -W 2 " + to).status == 0; });
}

std::string tcp_transfer(const Namespace& from, const Namespace& to, const std::string& text, uint64_t bytes) {
  const Address address = address_of(text);
  const FileDescriptor listener = to.socket_in(address.family, SOCK_STREAM);
  FileDescriptor sender = from.socket_in(address.family, SOCK_STREAM);
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  be_patient(listener);
  be_patient(sender);
  if (bind(listener.get(), address.get(), address.length) != 0 || listen(listener.get(), 1) != 0)
    return fmt::format("listen at {}: {}", text, std::strerror(errno));
  Checksum sent, received;
  std::string problem;
  std::thread sending([&] {
    if (connect(sender.get(), address.get(), address.length) != 0) {
      problem = fmt::format("connect to {}: {}", text, std::strerror(errno));
      return;
    }
    std::mt19937_64 random(bytes);
    std::vector<uint8_t> data(100'000);
    while (sent.bytes < bytes) {
      for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(random() >> (i % 8));
      const size_t count = std::min<uint64_t>(data.size(), bytes - sent.bytes);
      for (size_t done = 0; done < count;) {
        const ssize_t gone = send(sender.get(), data.data() + done, count - done, MSG_NOSIGNAL);
        if (gone <= 0) {
          problem = fmt::format("sending to {}, after {} bytes: {}", text, sent.bytes + done, std::strerror(errno));
          return;
        }
        done += static_cast<size_t>(gone);
      }
      sent.add(data, count);
    }
    shutdown(sender.get(), SHUT_WR);
  });
  const FileDescriptor receiver(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::string other_problem = receiver ? "" : fmt::format("accept at {}: {}", text, std::strerror(errno));
  if (receiver) {
    be_patient(receiver);
    std::vector<uint8_t> data(100'000);
    ssize_t got = 0;
    while ((got = recv(receiver.get(), data.data(), data.size(), 0)) > 0) received.add(data, static_cast<size_t>(got));
    if (got < 0) other_problem = fmt::format("receiving at {}: {}", text, std::strerror(errno));
  }
  sending.join();
  if (!problem.empty()) return problem;
  if (!other_problem.empty()) return other_problem;
  if (received.bytes != bytes || received.value != sent.value)
    return fmt::format("{} of {} bytes came at {}, with checksum {:x} instead of {:x}", received.bytes, bytes, text,
                       received.value, sent.value);
  return "";
}

std::string udp_echo(const Namespace& from, const Namespace& to, const std::string& text) {
  const Address address = address_of(text);
  const FileDescriptor server = to.socket_in(address.family, SOCK_DGRAM);
  const FileDescriptor client = from.socket_in(address.family, SOCK_DGRAM);
  be_patient(server, 1);
  be_patient(client);
  if (bind(server.get(), address.get(), address.length) != 0 ||
      connect(client.get(), address.get(), address.length) != 0)
    return fmt::format("UDP at {}: {}", text, std::strerror(errno));
  std::atomic<bool> ending{false};
  std::thread echo([&] {
    std::vector<uint8_t> data(65'536);
    while (!ending) {
      Address whose;
      whose.length = sizeof whose.storage;
      const ssize_t got = recvfrom(server.get(), data.data(), data.size(), 0,
                                   reinterpret_cast<sockaddr*>(&whose.storage), &whose.length);
      if (got >= 0) sendto(server.get(), data.data(), static_cast<size_t>(got), 0, whose.get(), whose.length);
    }
  });
  std::string problem;
  std::mt19937 random(1);
  // The longest are fragmented on the way.
  for (const size_t bytes : {0U, 1U, 17U, 18U, 19U, 500U, 1'400U, 1'452U, 1'472U, 1'473U, 4'000U, 20'000U, 60'000U}) {
    std::vector<uint8_t> data(bytes), back(65'536);
    for (auto& byte : data) byte = static_cast<uint8_t>(random());
    const bool gone = send(client.get(), data.data(), bytes, 0) == static_cast<ssize_t>(bytes);
    const ssize_t got = gone ? recv(client.get(), back.data(), back.size(), 0) : -1;
    if (got != static_cast<ssize_t>(bytes) || !std::equal(data.begin(), data.end(), back.begin())) {
      problem =
          fmt::format("{} bytes to {} and back: {}", bytes, text, got < 0 ? std::strerror(errno) : "not the same");
      break;
    }
  }
  ending = true;
  echo.join();
  return problem;
}

}  // namespace roost::test
