// SPDX-License-Identifier: BSD-3-Clause
// roostd as a service manager runs it: it says when it is ready and when it ends, to the one that asked, and what it
// starts does not inherit the right to say so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, path.data(), path.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  }
  // The next word, "" where none has come in time.
  std::string heard(int patience_ms) {
    pollfd event{socket_.get(), POLLIN, 0};
    char text[256];
    if (poll(&event, 1, patience_ms) <= 0) return "";
    const ssize_t bytes = recv(socket_.get(), text, sizeof text, 0);
    return bytes <= 0 ? "" : std::string(text, static_cast<size_t>(bytes));
  }

 private:
  FileDescriptor socket_;
};

TEST(Service, SaysWhenItIsReadyAndWhenItEnds) {
  const TempDir folder;
  NotifySocket service(folder.path("notify"));
  ManagerProcess manager(simple_config({"a"}, "rate_pps = 1000"),
                         {"/usr/bin/env", "NOTIFY_SOCKET=" + folder.path("notify")});
  EXPECT_EQ(service.heard(60'000), "READY=1");
  manager.spawn(nf("forward"), "a", 1, "process");
  for (const pid_t pid : descendants_of(manager.pid())) {
    std::ostringstream environment;
    environment << std::ifstream("/proc/" + std::to_string(pid) + "/environ").rdbuf();
    EXPECT_THAT(environment.str(), testing::Not(testing::HasSubstr("NOTIFY_SOCKET")));
  }
  manager.end();
  EXPECT_EQ(service.heard(60'000), "STOPPING=1");
  EXPECT_EQ(service.heard(0), "");
}

}  // namespace
}  // namespace roost::test
