// SPDX-License-Identifier: BSD-3-Clause
// Hundreds of random changes under load, from a seed: chains, ports, NFs, scale, upgrades, and some that are refused.
// Beside them go flows that nothing of it touches, through NFs of the same processes: each packet of theirs is looked
// for, in its order.
//
// ROOST_LIVE_CHANGES: how many (default: 200); ROOST_LIVE_SEED: which.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

#include "tests/integration/frames.h"
#include "tests/integration/manager_process.h"

namespace roost::test {
namespace {

using Strings = std::vector<std::string>;

constexpr uint32_t kFlows = 24, kEach = 200;  // of the untouched: numbers 0 to kEach - 1, over and over
constexpr uint64_t kFrameEvery_us = 500;
constexpr uint32_t kNfsMost = 6;  // of one of the services that change
const Strings kServices{"r0", "r1", "r2", "r3"};

uint64_t from_environment(const char* name, uint64_t standard) {
  const char* const text = std::getenv(name);
  return text == nullptr ? standard : std::strtoull(text, nullptr, 10);
}

class Changes {
 public:
  Changes(ManagerProcess& manager, uint64_t seed) : manager_(manager), random_(seed) {}

  void one() {
    switch (pick(12)) {
      case 0:
      case 1:
        return scale();
      case 2:
        return spawn();
      case 3:
        return stop();
      case 4:
      case 5:
        return upgrade();
      case 6:
        return broken_upgrade();
      case 7:
        return add_chain();
      case 8:
      case 9:
        return change_chain();
      case 10:
        return remove_chain();
      default:
        return move_port();
    }
  }
  std::string counts() const {
    std::string text;
    for (const auto& [what, count] : counts_) text += fmt::format("{} {}, ", what, count);
    return text;
  }

 private:
  uint32_t pick(size_t below) { return static_cast<uint32_t>(random_() % below); }
  const std::string& service() { return kServices[pick(kServices.size())]; }
  Strings hops() {
    Strings list = kServices;
    std::shuffle(list.begin(), list.end(), random_);
    list.resize(1 + pick(list.size()));
    return list;
  }
  std::vector<uint32_t> nfs_of(const std::string& of) {
    std::vector<uint32_t> ids;
    for (const Json& each : manager_.nfs())
      if (each["service"] == of) ids.push_back(each["id"]);
    return ids;
  }
  // What must succeed, by the manager's own word.
  Json call(const char* what, const char* method, Json parameters) {
    ++counts_[what];
    const std::string said = json_text(parameters);
    try {
      return manager_.call(method, std::move(parameters));
    } catch (const std::exception& error) {
      ADD_FAILURE() << method << " " << said << ": " << error.what();
      return Json::object();
    }
  }
  void refused(const char* what, const char* method, const Json& parameters) {
    ++counts_[what];
    EXPECT_NE(manager_.refusal(method, parameters), "") << method << " " << parameters;
  }

  void scale() { call("scale", "scale", {{"service", service()}, {"nfs", 1 + pick(kNfsMost)}}); }
  void spawn() {
    const std::string of = service();
    if (nfs_of(of).size() >= kNfsMost) return scale();
    call("spawn", "spawn",
         {{"module", nf("forward")},
          {"service", of},
          {"count", 1 + pick(2)},
          {"tier", pick(3) == 0 ? "process" : "fiber"}});
  }
  void stop() {
    auto ids = nfs_of(service());
    if (ids.size() < 2) return scale();
    std::shuffle(ids.begin(), ids.end(), random_);
    ids.resize(1 + pick(ids.size() - 1));
    call("stop", "stop", {{"nfs", ids}});
  }
  void upgrade() {
    const Json choices[]{{{"module", nf("forward")}},
                         {{"module", nf("counter")}},
                         {{"module", nf("busy")}, {"config", {{"cycles", 300}}}}};
    Json parameters = choices[pick(3)];
    if (!parameters.contains("config")) parameters["config"] = Json::object();
    parameters["service"] = service();
    call("upgrade", "upgrade", parameters);
  }
  void broken_upgrade() {
    const std::string of = service();
    const auto before = nfs_of(of);
    refused("broken upgrade", "upgrade",
            {{"service", of}, {"module", module("test_crash")}, {"config", {{"at", "start"}}}});
    EXPECT_EQ(nfs_of(of), before);
  }
  void add_chain() {
    if (chains_.size() > 12) return remove_chain();
    const std::string name = fmt::format("x{}", ++made_);
    if (pick(4) == 0)
      return refused("broken chain", "chain_add", {{"name", name}, {"services", {"r0", "r1", "r0"}}, {"out", "sink"}});
    call("chain add", "chain_add", {{"name", name}, {"services", hops()}, {"out", pick(2) == 0 ? "sink" : "other"}});
    chains_.push_back(name);
  }
  void change_chain() {
    Json parameters{{"name", chains_[pick(chains_.size())]}};
    if (pick(4) != 0) parameters["services"] = hops();
    if (pick(2) == 0 || !parameters.contains("services")) parameters["out"] = pick(2) == 0 ? "sink" : "other";
    call("chain set", "chain_set", parameters);
  }
  void remove_chain() {
    const uint32_t which = pick(chains_.size());
    if (chains_[which] == current_) return refused("chain in use", "chain_del", {{"name", current_}});
    call("chain del", "chain_del", {{"name", chains_[which]}});
    chains_.erase(chains_.begin() + which);
  }
  void move_port() {
    current_ = chains_[pick(chains_.size())];
    call("port set", "port_set", {{"name", "restless"}, {"chain", current_}});
  }

  ManagerProcess& manager_;
  std::mt19937_64 random_;
  Strings chains_{"r"};
  std::string current_ = "r";
  uint32_t made_ = 0;
  std::map<std::string, uint64_t> counts_;
};

std::string untouched_capture() {
  CaptureFile capture;
  uint64_t time_us = 0;
  for (uint32_t number = 0; number < kEach; ++number)
    for (uint32_t flow = 0; flow < kFlows; ++flow)
      capture.add(udp_frame(static_cast<uint16_t>(flow), number, 70), time_us += kFrameEvery_us);
  return capture.bytes();
}

std::string config_of(const TempDir& folder, const std::string& cores) {
  return cores +
         "[memory]\npackets = 65536\nhugepages = \"never\"\n"
         "[settings]\ninbox_slots = 16384\nbuffer_alpha_percent = 0\ndrain_ms = 30\nflow_idle_s = 2\n" +
         fmt::format(
             "[[ports]]\nname = \"steady\"\nkind = \"pcap\"\nread = \"{}\"\npace = \"recorded\"\nloop = true\n"
             "[[ports]]\nname = \"kept\"\nkind = \"pcap\"\nwrite = \"{}\"\n",
             folder.path("in.pcap"), folder.path("out.pcap")) +
         port_generator("restless", "",
                        fmt::format("flows = 300\nip_version = \"mixed\"\nrate_pps = {}\nbacklog_packets = 500",
                                    kSanitized ? 2'000 : 20'000)) +
         port_null("sink") + port_null("other") + services({"s0", "s1", "r0", "r1", "r2", "r3"}) +
         chain_of("s", {"s0", "s1"}, "kept") + chain_of("r", kServices, "sink");
}

uint64_t received_by(const Json& stats, const std::string& name) {
  for (const Json& port : stats["ports"])
    if (port["name"] == name) return port["received"];
  return 0;
}

// What came out of the untouched flows: in each, every number follows the one before it.
void expect_whole(const Strings& frames, uint64_t received) {
  EXPECT_EQ(frames.size(), received);
  uint64_t gaps = 0;
  for (const auto& [flow, of_flow] : by_flow(frames)) {
    std::optional<uint32_t> expected;
    for (const auto& frame : of_flow) {
      const size_t at = (frame[12] == '\x08' ? 42 : 62) + 2;
      uint32_t number = 0;
      for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(frame[at + i]);
      gaps += expected && number != *expected;
      expected = (number + 1) % kEach;
    }
  }
  EXPECT_EQ(gaps, 0U);
  EXPECT_EQ(by_flow(frames).size(), kFlows);
}

void change_at_random(const std::string& cores) {
  const uint64_t seed = from_environment("ROOST_LIVE_SEED", 3), changes = from_environment("ROOST_LIVE_CHANGES", 200);
  TempDir folder;
  folder.file("in.pcap", untouched_capture());
  ManagerProcess manager(config_of(folder, cores));
  manager.call("pause");  // what came before it had no chain to go by
  const uint64_t early = manager.dropped("no_chain"), early_steady = received_by(manager.stats(), "steady");
  for (const char* service : {"s0", "s1"}) manager.spawn(nf("forward"), service, 2);
  for (const auto& service : kServices) manager.spawn(nf("forward"), service, 2);
  manager.call("port_set", {{"name", "steady"}, {"chain", "s"}});
  manager.call("port_set", {{"name", "restless"}, {"chain", "r"}});
  manager.call("resume");
  Changes random(manager, seed);
  for (uint64_t i = 0; i < scaled(changes) && !testing::Test::HasFailure(); ++i) random.one();
  fmt::print("seed {}: {}\n", seed, random.counts());
  ASSERT_TRUE(eventually([&] { return manager.figure("transmitted") > 1'000; }));

  manager.call("pause");
  ASSERT_TRUE(manager.settled());
  const Json stats = manager.stats();
  expect_balanced(stats);
  EXPECT_EQ(stats["refused"], 0);
  EXPECT_EQ(stats["breaches"], 0);
  for (const auto& [cause, count] : stats["dropped"].items())
    EXPECT_TRUE(cause == "inbox_full" || cause == "backpressure" || cause == "loop_full" ||
                (cause == "no_chain" && count == early))
        << stats["dropped"];
  const uint64_t received = received_by(stats, "steady") - early_steady;
  EXPECT_GT(received, 0U);
  fmt::print("{} packets in, {} out; of untouched flows {}\n", stats["received"].get<uint64_t>(),
             stats["transmitted"].get<uint64_t>(), received);
  manager.end();
  expect_whole(frames_of(folder.path("out.pcap")), received);
}

TEST(LiveLoad, RandomChangesLoseAndReorderNothingOfUntouchedFlows) { change_at_random(""); }

TEST(LiveLoad, NorWithSeveralIoCores) { change_at_random("[cores]\nio_per_cpu = 2\nshared_per_cpu = 2\n"); }

}  // namespace
}  // namespace roost::test
