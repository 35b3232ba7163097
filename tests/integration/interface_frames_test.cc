// SPDX-License-Identifier: BSD-3-Clause
// Single frames through interfaces: they come as they were sent, tags and all, and what doesn't fit is counted.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "tests/integration/frames.h"
#include "tests/integration/network.h"

namespace roost::test {
namespace {

constexpr char kMark[] = "\x88\xb5";  // for experiments: nobody else here sends it

// Tags first, then the mark, then anything.
std::string frame_of(const std::string& tags, size_t bytes) {
  std::string frame("\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
  frame += tags + kMark;
  while (frame.size() < bytes) frame.push_back(static_cast<char>(frame.size() * 31 + bytes));
  return frame;
}

std::vector<std::string> marked(const std::vector<std::string>& frames) {
  std::vector<std::string> ours;
  for (const auto& frame : frames)
    if (frame.substr(0, 30).find(kMark) != std::string::npos) ours.push_back(frame);
  return ours;
}

std::string config(const std::string& first, const std::string& second) {
  return "[memory]\npackets = 4096\nhugepages = \"never\"\n" + first + "chain = \"c\"\n" + second + services({"s"}) +
         chain_of("c", {"s"}, "out");
}

std::string interface_port(const std::string& name) {
  return fmt::format("[[ports]]\nname = \"{}\"\nkind = \"af_packet\"\ninterface = \"ra\"\n", name);
}

class InterfaceFrames : public testing::Test {
 protected:
  void SetUp() override {
    static const std::string problem = no_namespaces();
    if (!problem.empty()) GTEST_SKIP() << problem;
    roost_ = std::make_unique<Namespace>();
    a_ = std::make_unique<Namespace>();
    join(*roost_, "ra", *a_);
    packets_ = a_->socket_in(AF_PACKET, SOCK_RAW);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(0x88b5);
    address.sll_ifindex = 2;  // the first behind lo
    ASSERT_EQ(bind(packets_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void set_mtu(int bytes) {
    roost_->expect(fmt::format("ip link set ra mtu {}", bytes));
    a_->expect(fmt::format("ip link set e0 mtu {}", bytes));
  }

  std::unique_ptr<Namespace> roost_, a_;
  FileDescriptor packets_;
  TempDir folder_;
};

TEST_F(InterfaceFrames, ComeAsTheyWereSent) {
  set_mtu(9'000);
  const std::string to = folder_.path("out.pcap");
  ManagerProcess manager(config(interface_port("in"), fmt::format("[[ports]]\nname = \"out\"\nkind = \"pcap\"\nwrite = "
                                                                  "\"{}\"\n",
                                                                  to)),
                         roost_->prefix());
  manager.spawn(nf("forward"), "s", 1);
  std::vector<std::string> sent;
  const std::string tag("\x81\x00\x20\x05", 4), other_tag("\x88\xa8\x0f\xff", 4), priority("\x81\x00\xe0\x00", 4);
  for (const std::string& tags : {std::string(), tag, priority, other_tag, other_tag + tag})
    for (const size_t bytes : {32U, 60U, 1'514U, 2'044U, 2'045U, 2'047U, 2'048U, 2'049U, 4'096U, 4'097U, 9'014U})
      sent.push_back(frame_of(tags, bytes));
  sent.push_back(frame_of("", 14));
  for (const auto& frame : sent)
    ASSERT_EQ(send(packets_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  EXPECT_TRUE(eventually([&] { return manager.figure("transmitted") >= sent.size() && manager.figure("held") == 0; }));
  expect_balanced(manager.stats());
  manager.end();
  EXPECT_TRUE(marked(frames_of(to)) == sent);
}

TEST_F(InterfaceFrames, GoOutAsTheyAreAndWhatIsTooLongIsCounted) {
  set_mtu(4'000);
  const timeval patience{kSanitized ? 60 : 15, 0};
  setsockopt(packets_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  CaptureFile capture;
  capture.add(frame_of("", 60), 0);  // before there is an NF
  std::vector<std::string> fit;
  for (const size_t bytes : {14U, 60U, 1'514U, 2'049U, 4'014U, 4'019U, 9'000U, 65'535U, 1'000U}) {
    const std::string frame = frame_of("", bytes);
    capture.add(frame, 1'500'000);
    if (bytes <= 4'014) fit.push_back(frame);
  }
  ManagerProcess manager(config(fmt::format("[[ports]]\nname = \"in\"\nkind = \"pcap\"\npace = \"recorded\"\nread = "
                                            "\"{}\"\n",
                                            folder_.file("in.pcap", capture.bytes())),
                                interface_port("out")),
                         roost_->prefix());
  manager.call("pause");
  manager.spawn(nf("forward"), "s", 1);
  manager.call("resume");
  for (const auto& frame : fit) {
    std::string came(70'000, '\0');
    const ssize_t bytes = recv(packets_.get(), came.data(), came.size(), 0);
    EXPECT_TRUE(bytes >= 0 && came.substr(0, static_cast<size_t>(bytes)) == frame) << bytes << " of " << frame.size();
  }
  EXPECT_TRUE(eventually([&] { return manager.figure("received") == 10 && manager.figure("held") == 0; }));
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(stats.at("ports")[1].at("transmit_dropped"), 3);
  EXPECT_EQ(stats.at("ports")[1].at("transmitted"), fit.size());
  manager.end();
}

}  // namespace
}  // namespace roost::test
