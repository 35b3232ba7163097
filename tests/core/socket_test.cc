// SPDX-License-Identifier: BSD-3-Clause
#include "core/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "core/error.h"
#include "core/protocol.h"
#include "tests/support/temp_dir.h"

namespace roost {
namespace {

template <typename Action>
std::string error_of(Action&& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

struct Pair {
  explicit Pair(int type) {
    std::array<int, 2> ends;
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()), 0);
    a = FileDescriptor(ends[0]);
    b = FileDescriptor(ends[1]);
  }
  FileDescriptor a, b;
};

TEST(Socket, ListensPrivatelyAndKnowsItsPeer) {
  const test::TempDir folder;
  const std::string path = folder.path("s");
  const auto listener = listen_unix(path, SOCK_STREAM);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_FALSE(accept_unix(listener.get()));  // nobody
  const auto client = connect_unix(path, SOCK_STREAM);
  const auto server = accept_unix(listener.get());
  ASSERT_TRUE(server);
  EXPECT_EQ(peer_of(server.get()).pid, getpid());
  EXPECT_EQ(peer_of(server.get()).uid, getuid());
}

TEST(Socket, WhereDescriptorsHaveRunOutAConnectionWaits) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers look at memory through pipes, and take what they cannot see for broken";
#endif
  const test::TempDir folder;
  const auto listener = listen_unix(folder.path("s"), SOCK_STREAM);
  const auto client = connect_unix(folder.path("s"), SOCK_STREAM);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::string error = error_of([&] { accept_unix(listener.get()); });
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_NE(error.find("ulimit -n"), std::string::npos) << error;
  EXPECT_TRUE(accept_unix(listener.get()));
}

TEST(Socket, ALiveListenerStaysAndAStaleFileGoes) {
  const test::TempDir folder;
  const std::string path = folder.path("s");
  {
    const auto listener = listen_unix(path, SOCK_STREAM);
    EXPECT_NE(error_of([&] { listen_unix(path, SOCK_STREAM); }).find("already"), std::string::npos);
    EXPECT_NO_THROW(connect_unix(path, SOCK_STREAM));
  }
  EXPECT_NE(error_of([&] { connect_unix(path, SOCK_STREAM); }).find("roost up"), std::string::npos);
  EXPECT_NO_THROW(listen_unix(path, SOCK_STREAM));
}

TEST(Socket, WhatIsNoSocketIsLeftAlone) {
  const test::TempDir folder;
  const std::string path = folder.file("precious", "data");
  EXPECT_NE(error_of([&] { listen_unix(path, SOCK_STREAM); }), "");
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  EXPECT_NE(error_of([&] { listen_unix(std::string(200, 'x'), SOCK_STREAM); }).find("characters"), std::string::npos);
  EXPECT_NE(error_of([&] { connect_unix("", SOCK_STREAM); }), "");
  EXPECT_NE(error_of([&] { connect_unix(folder.path("none"), SOCK_STREAM); }).find("no manager"), std::string::npos);
}

TEST(Socket, MessagesCarryDescriptors) {
  const Pair pair(SOCK_SEQPACKET);
  std::array<int, 2> ends;
  ASSERT_EQ(pipe(ends.data()), 0);
  const FileDescriptor in(ends[0]), out(ends[1]);
  send_message(pair.a.get(), "take these", {in.get(), out.get()});
  send_message(pair.a.get(), "and this");
  auto message = receive_message(pair.b.get());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "take these");
  ASSERT_EQ(message->descriptors.size(), 2U);
  EXPECT_NE(message->descriptors[0].get(), in.get());
  EXPECT_EQ(fcntl(message->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ASSERT_EQ(write(message->descriptors[1].get(), "x", 1), 1);
  char byte = 0;
  ASSERT_EQ(read(in.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  message = receive_message(pair.b.get());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "and this");
  EXPECT_TRUE(message->descriptors.empty());
}

TEST(Socket, NothingThereIsNotClosed) {
  Pair pair(SOCK_SEQPACKET);
  set_blocking(pair.b.get(), false);
  bool closed = true;
  EXPECT_FALSE(receive_message(pair.b.get(), &closed));
  EXPECT_FALSE(closed);
  pair.a.reset();
  EXPECT_FALSE(receive_message(pair.b.get(), &closed));
  EXPECT_TRUE(closed);
  EXPECT_THROW(send_message(pair.b.get(), "anyone?"), Error);  // and no SIGPIPE
}

TEST(Socket, MessagesHaveBounds) {
  const Pair pair(SOCK_SEQPACKET);
  EXPECT_THROW(send_message(pair.a.get(), std::string(kHostMessageBytesMax + 1, 'x')), Error);
  EXPECT_THROW(send_message(pair.a.get(), "x", std::vector<int>(33, 0)), Error);
  send_message(pair.a.get(), std::string(kHostMessageBytesMax, 'x'));
  EXPECT_EQ(receive_message(pair.b.get())->text.size(), kHostMessageBytesMax);
}

TEST(Socket, Lines) {
  Pair pair(SOCK_STREAM);
  std::string buffer;
  send_all(pair.a.get(), "one\ntwo\n\nthr");
  EXPECT_EQ(receive_line(pair.b.get(), buffer, 100), "one");
  EXPECT_EQ(receive_line(pair.b.get(), buffer, 100), "two");
  EXPECT_EQ(receive_line(pair.b.get(), buffer, 100), "");
  send_all(pair.a.get(), "ee\nfour");
  EXPECT_EQ(receive_line(pair.b.get(), buffer, 100), "three");
  pair.a.reset();
  EXPECT_EQ(receive_line(pair.b.get(), buffer, 100), std::nullopt);  // not a whole one
}

TEST(Socket, ALineThatIsTooLongIsRefused) {
  for (const bool ends : {false, true}) {
    Pair pair(SOCK_STREAM);
    std::string buffer;
    send_all(pair.a.get(), std::string(100, 'x') + "\n" + std::string(101, 'y') + (ends ? "\n" : ""));
    EXPECT_EQ(receive_line(pair.b.get(), buffer, 100), std::string(100, 'x'));
    EXPECT_THROW(receive_line(pair.b.get(), buffer, 100), Error);
  }
}

TEST(Socket, SendsMoreThanABufferHolds) {
  Pair pair(SOCK_STREAM);
  const std::string text(4 << 20, 'z');
  std::thread sender([&] {
    send_all(pair.a.get(), text + "\n");
    pair.a.reset();
  });
  std::string buffer;
  EXPECT_EQ(receive_line(pair.b.get(), buffer, 8 << 20), text);
  sender.join();
  EXPECT_THROW(send_all(pair.b.get(), text), Error);
}

// Somebody who always reads a little does not keep the sender.
TEST(Socket, WhatIsSentHasADeadlineAsAWhole) {
  Pair pair(SOCK_STREAM);
  std::atomic<bool> over{false};
  std::thread reader([&] {
    std::array<char, 1 << 10> some;
    while (!over && read(pair.b.get(), some.data(), some.size()) > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  const auto began = std::chrono::steady_clock::now();
  const std::string text(8 << 20, 'z');
  EXPECT_NE(error_of([&] { send_within(pair.a.get(), text, 300); }).find("has not taken"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  over = true;
  pair.a.reset();
  reader.join();
}

TEST(Socket, SendsInTimeMoreThanABufferHolds) {
  for (const bool blocking : {false, true}) {
    Pair pair(SOCK_STREAM);
    set_blocking(pair.a.get(), blocking);
    const std::string text(4 << 20, 'z');
    std::thread sender([&] { send_within(pair.a.get(), text + "\n", 20'000); });
    std::string buffer;
    EXPECT_EQ(receive_line(pair.b.get(), buffer, 8 << 20), text);
    sender.join();
  }
}

// Drivers of DPDK's have the kernel signal the manager for each packet.
TEST(Socket, NoSignalEndsAWait) {
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGALRM, &ignore, &before), 0);
  const itimerval every_ms{{0, 1'000}, {0, 1'000}}, never{};
  ASSERT_EQ(setitimer(ITIMER_REAL, &every_ms, nullptr), 0);
  Pair pair(SOCK_SEQPACKET);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(readable_within(pair.a.get(), 50));
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(50));
  send_message(pair.b.get(), "x");
  EXPECT_TRUE(readable_within(pair.a.get(), 50));
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
}

}  // namespace
}  // namespace roost
