// SPDX-License-Identifier: BSD-3-Clause
#include "core/socket_name.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/socket.h"
#include "tests/support/temp_dir.h"

namespace roost::test {
namespace {

TEST(SocketName, IsRemovedWithItsSocket) {
  const TempDir folder;
  const std::string path = folder.path("a.sock");
  listen_unix(path, SOCK_STREAM);
  const SocketName name(path);
  open_socket_file(path, 0660, std::nullopt);  // it is the same one
  name.remove();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path(".")));
  name.remove();
}

TEST(SocketName, OfAnotherSocketStays) {
  const TempDir folder;
  const std::string path = folder.path("a.sock");
  const SocketName none(path);
  listen_unix(path, SOCK_STREAM);
  const SocketName name(path);
  const FileDescriptor another = listen_unix(path, SOCK_STREAM);
  for (const SocketName* each : {&none, &name}) each->remove();
  EXPECT_TRUE(connect_unix(path, SOCK_STREAM));
  unlink(path.c_str());
  folder.file("a.sock", "no socket");
  name.remove();
  SocketName(path).remove();
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace roost::test
