// SPDX-License-Identifier: BSD-3-Clause
// Any line from an operator, to a manager that runs: it has an answer, in JSON-RPC. And any packet as a host's answer.
#include <sys/socket.h>

#include <filesystem>

#include "core/error.h"
#include "core/socket.h"
#include "scheduler/control_server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/eal.h"
#include "tests/support/temp_dir.h"

namespace {

// Without hosts: what it would start them from ends at once, and a spawn says so.
class Server {
 public:
  Server()
      : manager_(config(folder_.path("s")), "/bin/false"),
        server_(manager_, roost::FileDescriptor(), roost::ControlAccess(0)) {}

  std::string answer(const std::string& line) { return roost::json_text(server_.answer(line, roost::Role::operate)); }

 private:
  static roost::ManagerConfig config(const std::string& socket) {
    roost::test::start_eal();
    auto config = roost::parse_config(
        "[memory]\npackets = 1024\nhugepages = \"never\"\n[flows]\nmax = 64\nwide_max = 64\n"
        "[[ports]]\nname = \"p\"\nkind = \"null\"\n[[services]]\nname = \"a\"\n"
        "[[chains]]\nname = \"c\"\nservices = [\"a\"]\nout = \"p\"\n",
        "fuzz");
    config.control_socket = socket;
    return config;
  }

  roost::test::TempDir folder_;
  roost::Manager manager_;
  roost::ControlServer server_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  static Server server;
  const std::string line(reinterpret_cast<const char*>(data), bytes);
  const roost::Json answer = roost::rpc_parse(server.answer(line));
  roost::fuzz::require(
      answer.is_object() && answer.contains("id") && answer.contains("result") != answer.contains("error"),
      "every line has an answer: a result or an error");
  try {
    roost::rpc_take_result(roost::rpc_parse(line));
  } catch (const roost::Error&) {  // no result
  }
  return 0;
}
