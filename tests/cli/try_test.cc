// SPDX-License-Identifier: BSD-3-Clause
// roost try, roost describe and roost check: real modules, captures and configurations; no manager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/protocol.h"
#include "tests/integration/frames.h"
#include "tests/support/run_program.h"

namespace roost::try_test {
namespace {

using test::Outcome;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Strings = std::vector<std::string>;

std::string nf(const std::string& name) { return ROOST_NF_DIR "/" + name + ".so"; }
std::string module(const std::string& name) { return ROOST_TEST_MODULE_DIR "/test_" + name + ".so"; }
Outcome roost_run(const Strings& arguments) { return test::run_program(ROOST_BIN_DIR "/roost", arguments); }

class Try : public testing::Test {
 protected:
  Try() {
    for (uint32_t i = 0; i < 3'000; ++i)
      frames_.push_back(test::udp_frame(static_cast<uint16_t>(i % 7), i, 60 + i % 1'400 + 10));
    for (const uint32_t bytes : {2'048U, 2'049U, 9'018U, 65'535U}) frames_.push_back(test::udp_frame(2, bytes, bytes));
    test::CaptureFile capture;
    for (size_t i = 0; i < frames_.size(); ++i) capture.add(frames_[i], i);
    in_ = folder_.file("in.pcap", capture.bytes());
    out_ = folder_.path("out.pcap");
  }
  Outcome run(const std::string& of, Strings more = {}) {
    Strings words{"try", of, "--in", in_};
    words.insert(words.end(), more.begin(), more.end());
    return roost_run(words);
  }
  // As JSON; in + created = out + dropped + held.
  Json report(const std::string& of, Strings more = {}) {
    more.emplace_back("--json");
    const Outcome outcome = run(of, more);
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    const Json report = rpc_parse(outcome.out);
    uint64_t dropped = 0;
    for (const auto& [cause, count] : report["dropped"].items()) dropped += count.get<uint64_t>();
    EXPECT_EQ(report["packets_in"].get<uint64_t>() + report["created"].get<uint64_t>(),
              report["packets_out"].get<uint64_t>() + dropped + report["held"].get<uint64_t>())
        << report;
    return report;
  }

  test::TempDir folder_;
  Strings frames_;
  std::string in_, out_;
};

TEST_F(Try, EveryByteComesOutInItsOrder) {
  const Json of_forward = report(nf("forward"), {"--out", out_});
  EXPECT_EQ(of_forward["packets_in"], frames_.size());
  EXPECT_EQ(of_forward["next"], frames_.size());
  EXPECT_GT(of_forward["cycles_per_packet"].get<double>(), 0);
  EXPECT_GT(of_forward["packets_per_dispatch"].get<double>(), 1);
  EXPECT_TRUE(test::frames_of(out_) == frames_);
}

TEST_F(Try, AnotherPortIsNamedAndTheFramesAreTurnedRound) {
  const Json of_bridge = report(nf("bridge"), {"--out", out_});
  EXPECT_EQ(of_bridge["to_port"], Json({{"out", frames_.size()}}));
  EXPECT_EQ(test::frames_of(out_).size(), frames_.size());
  const Json one_port = report(nf("bridge"), {"--ports", "only"});
  EXPECT_EQ(one_port["dropped"], Json({{"bad_port", frames_.size()}}));
}

TEST_F(Try, WhatItDropsIsCountedAndTheRestIsWritten) {
  const Json of_firewall =
      report(nf("firewall"), {"--out", out_, "--config", R"({"deny": ["any from 10.0.0.2"], "default": "allow"})"});
  const auto left = test::frames_of(out_);
  EXPECT_EQ(of_firewall["packets_out"], left.size());
  EXPECT_GT(of_firewall["dropped"]["by_nf"], 0);
  for (const auto& frame : left) EXPECT_FALSE(frame.substr(26, 4) == std::string("\x0a\0\0\x02", 4) && frame[12] == 8);
}

TEST_F(Try, TimersMakePacketsAndMessagesArrive) {
  const std::string config = R"({"out": "out", "period_ms": 10})";
  const Json alive = report(nf("keepalive"), {"--config", config, "--run-ms", "400", "--out", out_});
  EXPECT_GE(alive["created"], 3);
  EXPECT_EQ(alive["to_port"]["out"], alive["created"]);
  const Json paused = report(nf("keepalive"), {"--config", config, "--run-ms", "100", "--tell", "pause"});
  EXPECT_LE(paused["created"], 1);  // a timer that is due already goes first
  const std::string log = folder_.path("log");
  report(module("alarm"), {"--config", "{\"log\": \"" + log + "\"}", "--tell", "one;", "--tell", "pass 0 two;"});
  EXPECT_EQ(test::content_of(log), "one;passed two;.");  // the destructor runs, too
}

TEST_F(Try, TheCaptureComesAsOftenAsAsked) {
  EXPECT_EQ(report(nf("counter"), {"--repeat", "40"})["packets_in"], 40 * frames_.size());
}

TEST_F(Try, PacketsThatAreKeptAreReported) {
  const Json hoarded = report(module("hoard"), {"--patience-ms", "50"});
  EXPECT_GT(hoarded["held"], 0);
  EXPECT_EQ(hoarded["held"], hoarded["packets_in"]);
}

TEST_F(Try, TheTableSaysWhatAndWhere) {
  const Outcome outcome = run(nf("forward"), {"--out", out_});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("NF 'Forward'"), HasSubstr("3,004  packets, from " + in_),
                                 HasSubstr("packets, to " + out_), HasSubstr("cycles/packet")));
}

TEST_F(Try, AModuleThatCrashesIsNamedWithTheSignal) {
  const Outcome at_start = run(module("crash"), {"--config", R"({"at": "start"})"});
  EXPECT_EQ(at_start.status, 1);
  EXPECT_THAT(at_start.error,
              AllOf(StartsWith("roost: module '"), HasSubstr("crashed by signal 11"), HasSubstr("gdb")));
  const Outcome later = run(module("crash"), {"--config", R"({"at": "packet", "number": 900})"});
  EXPECT_EQ(later.status, 1);
  EXPECT_THAT(later.error, HasSubstr("crashed by signal 11"));
}

TEST_F(Try, AnNfThatDoesNotComeBackIsNamed) {
  const std::string stay = folder_.file("stay", "");
  const Outcome outcome = run(module("spin"), {"--config", "{\"file\": \"" + stay + "\"}"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("NF 'Spin': has not come back from process() for 10 s"),
                                   HasSubstr("overrun_us"), HasSubstr("yield")));
}

TEST_F(Try, WhatCannotBeTriedIsRefusedWithARemedy) {
  const std::string text = folder_.file("text.so", "no module"), empty = folder_.file("empty.pcap", "");
  const std::tuple<std::string, Strings, const char*> cases[] = {
      {text, {}, "build it with roost_add_nf"},
      {module("plain"), {}, "is not a Roost NF module"},
      {module("other_abi"), {}, "build it again"},
      {module("alarm"), {"--config", R"({"fails": true})"}, "as asked"},
      {nf("keepalive"), {"--config", R"({"out": "uplink"})"}, "there is no port 'uplink'; there are: in, out"},
      {nf("forward"), {"--out", "/none/out.pcap"}, "/none/out.pcap"},
      {nf("forward"), {"--tell", std::string(5'000, 'x')}, "takes no message of 5000 bytes"},
  };
  for (const auto& [of, more, remedy] : cases) {
    const Outcome outcome = run(of, more);
    EXPECT_EQ(outcome.status, 1) << remedy;
    EXPECT_THAT(outcome.error, AllOf(StartsWith("roost: "), HasSubstr(remedy)));
  }
  EXPECT_THAT(roost_run({"try", nf("forward"), "--in", empty}).error, HasSubstr("is empty"));
  EXPECT_EQ(roost_run({"try", nf("forward")}).status, 2);
  EXPECT_EQ(roost_run({"try", nf("forward"), "--in", in_, "--config", "{"}).status, 2);
}

TEST(Describe, SaysWhatTheFileSaysOfItself) {
  const Outcome outcome = roost_run({"describe", nf("counter")});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("Counter"), HasSubstr("(hosts here: "), HasSubstr("aligned to")));
  const Json report = rpc_parse(roost_run({"describe", nf("firewall"), "--json"}).out);
  EXPECT_EQ(report["abi"], report["host_abi"]);
  EXPECT_GT(report["nf_bytes"], 0);
  EXPECT_THAT(json_text(report["libraries"]), HasSubstr("librte_acl"));
  const Outcome refused = roost_run({"describe", module("other_abi")});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.error, HasSubstr("build it again"));
}

TEST(Check, TellsWhatWouldBeStartedOrWhatIsWrong) {
  const test::TempDir folder;
  const std::string sound =
      "[[ports]]\nname = \"in\"\nkind = \"generator\"\nchain = \"c\"\n[[ports]]\nname = \"out\"\nkind = \"null\"\n"
      "[[services]]\nname = \"a\"\n[[services]]\nname = \"b\"\n[[chains]]\nname = \"c\"\nservices = [\"a\"]\n"
      "out = \"out\"\n";
  const Outcome fine = roost_run({"check", folder.file("sound.toml", sound)});
  EXPECT_EQ(fine.status, 0) << fine.error;
  EXPECT_THAT(fine.out, AllOf(HasSubstr("generator"), HasSubstr("sound: nothing was started"),
                              HasSubstr("warning: service 'b' is on no chain")));
  const Json summary = rpc_parse(roost_run({"check", folder.path("sound.toml"), "--json"}).out);
  EXPECT_EQ(summary["chains"], Json({{{"name", "c"}, {"services", {"a"}}, {"out", "out"}}}));

  const std::string broken =
      folder.file("broken.toml", sound + "[[chains]]\nname = \"d\"\nservices = [\"a\", \"a\"]\n" + "out = \"aut\"\n");
  const Outcome refused = roost_run({"check", broken});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.error,
              AllOf(HasSubstr("broken.toml:18:18: chain 'd':"), HasSubstr("a loop: it comes to service 'a' twice"),
                    HasSubstr("did you mean 'out'")));
  EXPECT_EQ(refused.out, "");

  const auto with = [&](const std::string& port) {
    return roost_run({"check", folder.file("absent.toml", sound + "[[ports]]\nname = \"x\"\n" + port)});
  };
  const Outcome interface = with("kind = \"af_packet\"\ninterface = \"no-such0\"\n");
  EXPECT_EQ(interface.status, 1);
  EXPECT_THAT(interface.error, HasSubstr("port 'x': no such interface 'no-such0'; interfaces here: "));
  const Outcome capture = with("kind = \"pcap\"\nread = \"/none.pcap\"\n");
  EXPECT_EQ(capture.status, 1);
  EXPECT_THAT(capture.error, HasSubstr("port 'x': capture '/none.pcap' can't be read"));
  EXPECT_EQ(roost_run({"check", folder.path("none.toml")}).status, 1);
  EXPECT_EQ(roost_run({"check"}).status, 2);
}

}  // namespace
}  // namespace roost::try_test
