// SPDX-License-Identifier: BSD-3-Clause
// A real roost-host against a manager that the test plays.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/nflib/fake_manager.h"

namespace roost::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class HostProcess : public testing::Test {
 protected:
  void TearDown() override {
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
  }
  void launch() {
    pid_ = run_program({ROOST_BIN_DIR "/roost-host", "--attach", "--socket", manager_.socket(), "--token", "secret",
                        "--seccomp-allow", "openat"});  // its NFs write down what becomes of them
  }
  void attach() {
    launch();
    const Json request = manager_.accept_host();
    EXPECT_EQ(request["params"]["token"], "secret");
    EXPECT_EQ(request["params"]["protocol"], kProtocolVersion);
  }
  static FileDescriptor module(const std::string& name) {
    const std::string path = ROOST_TEST_MODULE_DIR "/test_" + name + ".so";
    return FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  Json load(uint32_t number, const std::string& name) {
    return manager_.ask("load", {{"module", number}, {"path", name + ".so"}}, {module(name).get()});
  }
  std::optional<int> ends_within(std::chrono::milliseconds time) {
    const auto status = test::ends_within(pid_, time);
    if (status) pid_ = -1;
    return status;
  }

  FakeManager manager_;
  pid_t pid_ = -1;
};

TEST_F(HostProcess, StartsNfsAndTakesPacketsThroughThem) {
  attach();
  EXPECT_EQ(load(1, "tag")["name"], "Tag");
  manager_.ask("start", manager_.start_parameters(0, 3));
  manager_.ask("start", manager_.start_parameters(3, 1, {{"out", "net1"}}));
  manager_.ask("start", manager_.start_parameters(4, 1, {{"to", "dns"}}));
  for (uint32_t nf = 0; nf < 5; ++nf) manager_.deliver(nf, 10 + nf, PathRef::at(0, 0));
  const auto out = manager_.collect(5);
  ASSERT_EQ(out.size(), 5u);
  for (const Descriptor& d : out) {
    EXPECT_EQ(FakeManager::tag_of(d.handle), 100 + d.handle - 10);
    const Verdict expected = d.handle == 13 ? roost::out(4) : d.handle == 14 ? to(5) : next();
    EXPECT_EQ(Verdict{d.word}, expected.with_hops(1)) << d.handle;
  }
  manager_.tell(json_text(rpc_request(9, "quit", Json::object())));
  EXPECT_EQ(ends_within(2s), 0);
}

TEST_F(HostProcess, StartsNfsInQuarantine) {
  attach();
  load(1, "tag");
  Json parameters = manager_.start_parameters(0, 3);
  parameters["quarantined"] = {2, 1};
  manager_.ask("start", parameters);
  EXPECT_EQ(manager_.region().nf(0).state, kNfReady);
  for (const uint32_t nf : {1U, 2U}) EXPECT_EQ(manager_.region().nf(nf).state, kNfQuarantined) << nf;
  manager_.deliver(1, 11, PathRef::at(0, 0));
  auto out = manager_.collect(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(Verdict{out[0].word}, unseen());
  manager_.ask("resume", {{"nf", 1}});
  manager_.deliver(1, 12, PathRef::at(0, 0));
  out = manager_.collect(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(FakeManager::tag_of(12), 101u);
}

TEST_F(HostProcess, NotesInWhichNfItDied) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const std::string how = "signal";  // past the sanitizer, which would tell of a crash itself
#else
  const std::string how = "null";
#endif
  attach();
  load(1, "crash");
  Json parameters = manager_.start_parameters(0, 3, {{"at", "packet"}, {"how", how}, {"nf", 102}});
  manager_.ask("start", parameters);
  manager_.deliver(0, 10, PathRef::at(0, 0));
  ASSERT_EQ(manager_.collect(1).size(), 1u);
  manager_.deliver(2, 12, PathRef::at(0, 0));
  if (!ends_within(20s)) FAIL() << "it lives";
  const WorkerRecord& worker = manager_.region().worker();
  EXPECT_EQ(worker.report.current_nf, 2u);
  EXPECT_EQ(worker.batch.nfs[worker.batch.next - 1], 2u);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(worker.crash.signal, uint32_t{SIGSEGV});
  EXPECT_EQ(worker.crash.nf, 2u);
#endif
}

TEST_F(HostProcess, TakesTheHopsOfARunByItself) {
  for (uint32_t hop = 0; hop < 3; ++hop) manager_.paths().set_hop(0, hop, {hop | (hop == 2 ? PathHop::kRunEnds : 0)});
  attach();
  load(1, "tag");
  manager_.ask("start", manager_.start_parameters(0, 3));
  manager_.deliver(0, 7, PathRef::at(0, 0), 0);
  const auto out = manager_.collect(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(Verdict{out[0].word}.hops(), 3);
  EXPECT_EQ(FakeManager::tag_of(7), 102u);
}

TEST_F(HostProcess, AStartThatThrowsLeavesNothingBehind) {
  const TempDir folder;
  const std::string log = folder.path("log");
  attach();
  load(1, "fussy");
  EXPECT_THAT(manager_.why_not("start", manager_.start_parameters(2, 5, {{"log", log}, {"throws", 104}})),
              AllOf(HasSubstr("NF 104"), HasSubstr("fussy.so"), HasSubstr("not in the mood")));
  std::string events;
  std::getline(std::ifstream(log), events);
  EXPECT_EQ(events, "+++---");
  EXPECT_EQ(manager_.region().worker().grants_wanted, 0u);
  EXPECT_EQ(manager_.region().nf(2).state, kNfAbsent);
  EXPECT_EQ(manager_.ask("start", manager_.start_parameters(2, 5, {{"log", log}, {"throws", 0}})), Json::object());
  EXPECT_EQ(manager_.region().worker().grants_wanted, 35u);
}

TEST_F(HostProcess, StopsSomeNfsAndUsesTheirPlacesAgain) {
  const TempDir folder;
  const Json config = {{"log", folder.path("log")}, {"throws", 0}};
  attach();
  load(1, "fussy");
  manager_.ask("start", manager_.start_parameters(0, 10, config));
  EXPECT_THAT(manager_.why_not("start", manager_.start_parameters(9, 2, config)), HasSubstr("NF 9 of this host lives"));
  manager_.ask("stop", {{"first", 3}, {"count", 2}});
  EXPECT_THAT(manager_.why_not("stop", {{"first", 2}, {"count", 2}}), HasSubstr("NF 3 of this host does not live"));
  EXPECT_THAT(manager_.why_not("stop", {{"first", 9}, {"count", 2}}), HasSubstr("do not all live"));
  manager_.ask("start", manager_.start_parameters(4, 1, config));
  manager_.ask("stop", {{"first", 4}, {"count", 6}});
  manager_.ask("stop", {{"first", 0}, {"count", 3}});
  std::string events;
  std::getline(std::ifstream(folder.path("log")), events);
  EXPECT_EQ(events, "++++++++++--+---------");
  EXPECT_EQ(manager_.region().worker().grants_wanted, 0u);
}

TEST_F(HostProcess, NonsenseGetsAnErrorAndHurtsNothing) {
  attach();
  const auto error_of = [this](const std::string& text) {
    manager_.tell(text);
    return manager_.answer()["error"]["message"].get<std::string>();
  };
  EXPECT_THAT(error_of("{nonsense"), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(std::string(kHostMessageBytesMax, '[')), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("[1,2]"), HasSubstr("no JSON-RPC request"));
  EXPECT_THAT(error_of(R"({"method":7})"), HasSubstr("method is not a string"));
  EXPECT_THAT(error_of(R"({"method":"dance"})"), HasSubstr("no method 'dance'"));
  EXPECT_THAT(error_of(R"({"method":"stop","params":[]})"), HasSubstr("'first' is missing"));
  manager_.tell(R"({"result":{}})");  // an answer is not answered
  EXPECT_THAT(manager_.why_not("load", {{"module", 1}, {"path", "x.so"}}), HasSubstr("0 descriptors"));
  EXPECT_THAT(manager_.why_not("load", {{"module", -1}, {"path", "x.so"}}), HasSubstr("'module' is -1"));
  EXPECT_THAT(manager_.why_not("start", manager_.start_parameters(0, 1)), HasSubstr("no such module"));
  load(1, "tag");
  const auto start_with = [this](const char* name, Json value) {
    Json parameters = manager_.start_parameters(0, 2);
    parameters[name] = std::move(value);
    return manager_.why_not("start", std::move(parameters));
  };
  EXPECT_THAT(start_with("count", 17), HasSubstr("in a host for 16"));
  EXPECT_THAT(start_with("count", 0), HasSubstr("'count' is 0"));
  EXPECT_THAT(start_with("count", UINT32_MAX), HasSubstr("in a host for 16"));
  EXPECT_THAT(start_with("first", 1.5), HasSubstr("'first' is 1.5"));
  EXPECT_THAT(start_with("first", 16), HasSubstr("in a host for 16"));
  EXPECT_THAT(start_with("config", "text"), HasSubstr("'config' is not an object"));
  EXPECT_THAT(start_with("config", {{"out", "net9"}}), HasSubstr("there is no port 'net9'; there are: net0, net1"));
  EXPECT_THAT(start_with("services", {{"dns", 70000}}), HasSubstr("'dns' is 70000"));
  EXPECT_THAT(start_with("quarantined", -1), HasSubstr("'quarantined' is not a list of numbers"));
  EXPECT_THAT(start_with("quarantined", {1, "x"}), HasSubstr("'quarantined' is not a list of numbers"));
  EXPECT_THAT(start_with("quarantined", {uint64_t{1} << 32}), HasSubstr("'quarantined' is not a list of numbers"));
  EXPECT_EQ(manager_.ask("start", manager_.start_parameters(0, 2)), Json::object());
}

TEST_F(HostProcess, BadModulesAreRefused) {
  attach();
  EXPECT_THAT(manager_.why_not("load", {{"module", 1}, {"path", "p.so"}}, {module("plain").get()}),
              HasSubstr("'p.so' is not a Roost NF module"));
  load(1, "tag");
  EXPECT_THAT(manager_.why_not("load", {{"module", 1}, {"path", "t.so"}}, {module("tag").get()}), HasSubstr("already"));
}

TEST_F(HostProcess, AMissingCoreIsToldToTheManager) {
  manager_.core = 1000;
  attach();
  EXPECT_THAT(manager_.answer()["error"]["message"].get<std::string>(), HasSubstr("cannot run on core 1000"));
  EXPECT_EQ(WEXITSTATUS(ends_within(2s).value_or(0)), 1);
}

TEST_F(HostProcess, AContradictoryAttachAnswerEndsIt) {
  launch();
  manager_.accept_host({{"layout", {{"nfs_max", 1 << 20}}}});
  EXPECT_EQ(WEXITSTATUS(ends_within(2s).value_or(0)), 1);
}

TEST(LargeHost, AHundredThousandNfsStart) {
  constexpr uint32_t kNfs = 100'000;
  FakeManager manager(kNfs);
  const pid_t pid =
      run_program({ROOST_BIN_DIR "/roost-host", "--attach", "--socket", manager.socket(), "--token", "t"});
  manager.accept_host();
  const FileDescriptor module(open(ROOST_TEST_MODULE_DIR "/test_tag.so", O_RDONLY | O_CLOEXEC));
  manager.ask("load", {{"module", 1}, {"path", "tag.so"}}, {module.get()});
  const auto began = std::chrono::steady_clock::now();
  manager.ask("start", manager.start_parameters(0, kNfs));
  const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count() / kNfs;
  testing::Test::RecordProperty("us_per_nf", std::to_string(us));
  manager.deliver(kNfs - 1, 5, PathRef::at(0, 0));
  EXPECT_EQ(manager.collect(1).size(), 1u);
  EXPECT_EQ(FakeManager::tag_of(5), 100 + kNfs - 1);
  manager.tell(json_text(rpc_request(9, "quit", Json::object())));
  EXPECT_EQ(test::ends_within(pid, 5s), 0);
}

TEST_F(HostProcess, EndsWithinASecondOfItsManager) {
  attach();
  load(1, "tag");
  manager_.ask("start", manager_.start_parameters(0, 3));
  manager_.hang_up();
  EXPECT_EQ(ends_within(1s), 0);
}

}  // namespace
}  // namespace roost::test
