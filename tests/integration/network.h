// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces of a test's own. Each lives as long as a process that does nothing else, which ends with the test
// however that ends; its interfaces go with it. The machine's own interfaces are not touched.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/shared_memory.h"
#include "tests/integration/manager_process.h"

namespace roost::test {

// Why there can be no namespaces here; empty: there can.
std::string no_namespaces();

class Namespace {
 public:
  Namespace();  // throws std::runtime_error
  ~Namespace();
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  pid_t pid() const noexcept { return pid_; }  // `ip link ... netns PID` takes it
  std::vector<std::string> prefix() const;     // of a command line that is to run in it
  Exit run(const std::string& command) const;  // words, parted by spaces
  void expect(const std::string& command) const;
  FileDescriptor socket_in(int domain, int type, int protocol = 0) const;
  // "10.9.0.1" and "fd09::1", with their networks, on this interface, which is brought up.
  void give_addresses(const std::string& interface, int number) const;

 private:
  pid_t pid_;
};

// A veth pair: `name` in one, "e0" in the other, without addresses, up.
void join(const Namespace& here, const std::string& name, const Namespace& there);

bool pings(const Namespace& from, const std::string& to);

// `bytes` through one connection; the text names what went wrong.
std::string tcp_transfer(const Namespace& from, const Namespace& to, const std::string& address, uint64_t bytes);
// Datagrams of many lengths, each of which is to come back as it was.
std::string udp_echo(const Namespace& from, const Namespace& to, const std::string& address);

}  // namespace roost::test
