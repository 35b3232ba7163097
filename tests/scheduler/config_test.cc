// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "tests/support/capture_bytes.h"
#include "tests/support/temp_dir.h"

namespace roost::config_test {
namespace {

using testing::HasSubstr;
using testing::Not;

const ConfigContext kFourCores{.setting_problem = {}, .cores = {0, 1, 2, 3}};
const std::string kPort = "[[ports]]\nname = 'p'\nkind = 'null'\n";

ManagerConfig parse(const std::string& text, const ConfigContext& context = kFourCores) {
  return parse_config(text, "roost.toml", context);
}

std::string problems(const std::string& text, const ConfigContext& context = kFourCores) {
  try {
    parse(text, context);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Config, TheLeastHasDefaults) {
  const ManagerConfig config = parse(kPort);
  EXPECT_EQ(config.control_socket, "");
  EXPECT_EQ(config.memory.packets, 32768U);
  EXPECT_EQ(config.memory.hugepages, Hugepages::automatic);
  EXPECT_EQ(config.cores.io, (std::vector<uint32_t>{0}));
  EXPECT_FALSE(config.cores.wake);
  EXPECT_EQ(config.cores.shared, (std::vector<uint32_t>{1}));
  EXPECT_EQ(config.flows.idle_s, 60U);
  ASSERT_EQ(config.ports.size(), 1U);
  EXPECT_EQ(config.ports[0].kind, PortKind::kNull);
}

TEST(Config, EverythingIsRead) {
  const test::TempDir dir;
  const std::string capture = dir.file("in.pcap", test::CaptureBytes().frame(60).bytes());
  const ManagerConfig config = parse(R"(
control_socket = "/tmp/r.sock"
memory = { packets = 2048, hugepages = "require" }
cores = { io = 3, wake = 2, shared = [0], dedicated = [1], wait_mode = "semaphore" }
flows = { max = 100, wide_max = 50, idle_s = 5 }
services = [{ name = "a" }, { name = "b" }]
chains = [{ name = "c", services = ["a", "b"], out = "n" }]
settings = { wake_packets = 4 }
[[ports]]
name = "n"
kind = "null"
receive = "blank"
[[ports]]
name = "p"
kind = "pcap"
chain = "c"
write = "/tmp/x.pcap"
pace = "recorded"
loop = true
read = ")" + capture + R"("
[[ports]]
name = "g"
kind = "generator"
flows = 7
rate_pps = 8
frame_bytes = 99
distribution = "zipf"
zipf_s = 1
ip_version = 6
seed = 5
count = 6
backlog_packets = 4
)");
  EXPECT_EQ(config.control_socket, "/tmp/r.sock");
  EXPECT_EQ(config.memory.hugepages, Hugepages::require);
  EXPECT_EQ(config.cores.io, (std::vector<uint32_t>{3}));
  EXPECT_EQ(config.cores.wake, 2U);
  EXPECT_EQ(config.cores.dedicated, (std::vector<uint32_t>{1}));
  EXPECT_EQ(config.cores.wait_mode, WaitMode::semaphore);
  EXPECT_EQ(config.flows.wide_max, 50U);
  ASSERT_EQ(config.ports.size(), 3U);
  EXPECT_TRUE(config.ports[0].null.blank);
  EXPECT_EQ(config.ports[1].chain, "c");
  EXPECT_EQ(config.ports[1].pcap.read, capture);
  EXPECT_EQ(config.ports[1].pcap.pace, CapturePace::kRecorded);
  EXPECT_TRUE(config.ports[1].pcap.loop);
  const GeneratorOptions& generator = config.ports[2].generator;
  EXPECT_EQ(generator.flows, 7U);
  EXPECT_EQ(generator.rate_pps, 8U);
  EXPECT_EQ(generator.frame_bytes, 99U);
  EXPECT_EQ(generator.distribution, FlowDistribution::kZipf);
  EXPECT_EQ(generator.ip_version, FlowIpVersion::k6);
  EXPECT_EQ(generator.seed, 5U);
  EXPECT_EQ(generator.count, 6U);
  EXPECT_EQ(generator.backlog_packets, 4U);
  EXPECT_EQ(config.chains[0].services, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.chains[0].out, "n");
  EXPECT_EQ(config.settings.at("wake_packets"), 4U);
}

TEST(Config, TheExampleIsRight) {
  const ManagerConfig config = load_config(std::string(ROOST_SOURCE_DIR) + "/examples/roost.toml");
  EXPECT_EQ(config.ports.size(), 2U);
  EXPECT_EQ(config.chains.size(), 1U);
}

TEST(Config, AllProblemsAreToldInOrderWithTheirPlaces) {
  const std::string all = problems(R"([memory]
packet = 1
packets = 7
[[ports]]
name = "p"
kind = "nul"
chain = "nowhere"
[[services]]
name = "s"
[[services]]
name = "s"
[[chains]]
name = "c"
services = ["t"]
out = "q"
)");
  EXPECT_THAT(all, HasSubstr("7 problems"));
  EXPECT_THAT(all, HasSubstr("roost.toml:2:1: [memory]: 'packet' isn't a key here; did you mean 'packets'?"));
  EXPECT_THAT(all, HasSubstr("roost.toml:3:11: [memory]: packets = 7 is out of range; use 1024 to 4194303"));
  EXPECT_THAT(all, HasSubstr("roost.toml:6:8: port 'p': kind = \"nul\" isn't known; did you mean 'null'?"));
  EXPECT_THAT(all, HasSubstr("roost.toml:7:9: port 'p': there is no chain 'nowhere'; use one of: c"));
  EXPECT_THAT(all, HasSubstr("roost.toml:11:8: service 's': there is one of that name already"));
  EXPECT_THAT(all, HasSubstr("roost.toml:14:13: chain 'c': there is no service 't'; did you mean 's'?"));
  EXPECT_THAT(all, HasSubstr("roost.toml:15:7: chain 'c': there is no port 'q'; did you mean 'p'?"));
  EXPECT_LT(all.find("roost.toml:2:"), all.find("roost.toml:15:"));
}

TEST(Config, WrongTypes) {
  EXPECT_THAT(problems("memory = 3\n" + kPort), HasSubstr("'memory' is a whole number; give a table, [memory]"));
  EXPECT_THAT(problems("control_socket = 3\n" + kPort), HasSubstr("give a text in quotes"));
  EXPECT_THAT(problems("ports = 3"), HasSubstr("each beginning with [[ports]]"));
  EXPECT_THAT(problems("ports = [3]"), HasSubstr("each beginning with [[ports]]"));
  EXPECT_THAT(problems("[flows]\nmax = 1.5\n" + kPort), HasSubstr("a number with a fraction; give a whole number"));
  EXPECT_THAT(problems(kPort + "name2 = 1979-05-27\n"), HasSubstr("'name2' isn't a key here"));
  EXPECT_THAT(problems("[cores]\nshared = 1\n" + kPort), HasSubstr("a list in [ ]"));
  EXPECT_THAT(problems("[[ports]]\nname = 3\nkind = 'null'"), HasSubstr("'name' is a whole number"));
}

TEST(Config, Ports) {
  EXPECT_THAT(problems(""), HasSubstr("there are no ports"));
  EXPECT_THAT(problems("[[ports]]\nname = 'p'"), HasSubstr("kind isn't given"));
  EXPECT_THAT(problems("[[ports]]\nkind = 'null'"), HasSubstr("name isn't given"));
  EXPECT_THAT(problems("[[ports]]\nname = 'a b'\nkind = 'null'"), HasSubstr("not a name"));
  EXPECT_THAT(problems(kPort + kPort), HasSubstr("roost.toml:5:8: port 'p': there is one of that name already"));
  EXPECT_THAT(problems(kPort + "flows = 3\n"), HasSubstr("'flows' isn't a key here"));
  EXPECT_THAT(problems("[[ports]]\nname = 'p'\nkind = 'pcap'"), HasSubstr("neither read nor write"));
  EXPECT_THAT(problems("[[ports]]\nname = 'p'\nkind = 'pcap'\nread = '/none.pcap'"), HasSubstr("No such file"));
  const std::string generator = "[[ports]]\nname = 'p'\nkind = 'generator'\n";
  EXPECT_EQ(problems(generator), "accepted");
  EXPECT_THAT(problems(generator + "flows = 0"), HasSubstr("out of range"));
  EXPECT_THAT(problems(generator + "frame_bytes = 2000"), HasSubstr("use 64 to 1518"));
  EXPECT_THAT(problems(generator + "frame_bytes = 64\nimix = true"), HasSubstr("contradict"));
  EXPECT_THAT(problems(generator + "zipf_s = 1.0"), HasSubstr("add that"));
  EXPECT_THAT(problems(generator + "distribution = 'zipf'\nzipf_s = 9.0"), HasSubstr("use 0 to 8"));
  EXPECT_THAT(problems(generator + "distribution = 'zipf'\nzipf_s = nan"), HasSubstr("use 0 to 8"));
  EXPECT_THAT(problems(generator + "ip_version = 5"), HasSubstr("use 4, 6 or \"mixed\""));
  EXPECT_EQ(problems(generator + "ip_version = 'mixed'"), "accepted");
  EXPECT_THAT(problems(generator + "rate_pps = -1"), HasSubstr("use 0 to"));
}

TEST(Config, TenantsAndPriorities) {
  const ManagerConfig config =
      parse(kPort +
            "[[services]]\nname = 's'\npriority = 7\n[[services]]\nname = 't'\n[[tenants]]\nname = 'gold'\n"
            "weight = 300\n[[tenants]]\nname = 'plain'\n");
  EXPECT_EQ(config.services[0].priority, 7U);
  EXPECT_EQ(config.services[1].priority, 0U);
  ASSERT_EQ(config.tenants.size(), 2U);
  EXPECT_EQ(config.tenants[0].name, "gold");
  EXPECT_EQ(config.tenants[0].weight, 300U);
  EXPECT_EQ(config.tenants[1].weight, 100U);
  EXPECT_THAT(problems(kPort + "[[services]]\nname = 's'\npriority = 8"), HasSubstr("use 0 to 7"));
  EXPECT_THAT(problems(kPort + "[[tenants]]\nname = 'a'\nweight = 0"), HasSubstr("use 1 to"));
  EXPECT_THAT(problems(kPort + "[[tenants]]\nweight = 10"), HasSubstr("name isn't given"));
  EXPECT_THAT(problems(kPort + "[[tenants]]\nname = 'a'\n[[tenants]]\nname = 'a'"), HasSubstr("one of that name"));
}

TEST(Config, Chains) {
  const std::string start = kPort + "[[services]]\nname = 's'\n[[chains]]\n";
  EXPECT_EQ(problems(start + "name = 'c'\nservices = ['s']\nout = 'p'"), "accepted");
  EXPECT_THAT(problems(start + "name = 'c'\nservices = []\nout = 'p'"), HasSubstr("list at least one"));
  EXPECT_THAT(problems(start + "name = 'c'\nout = 'p'"), HasSubstr("list at least one"));
  EXPECT_THAT(problems(start + "name = 'c'\nservices = ['s']"), HasSubstr("out isn't given"));
  EXPECT_THAT(problems(start + "name = 'c'\nservices = [1]\nout = 'p'"), HasSubstr("give names in quotes"));
  EXPECT_THAT(problems(start + "services = ['s']\nout = 'p'"), HasSubstr("name isn't given"));
  std::string services, hops;
  for (int i = 0; i < 65; ++i) services += "[[services]]\nname = 's" + std::to_string(i) + "'\n";
  for (int i = 0; i < 64; ++i) hops += "'s" + std::to_string(i) + "',";
  const std::string chain = kPort + services + "[[chains]]\nname = 'c'\nout = 'p'\nservices = [" + hops;
  EXPECT_EQ(problems(chain + "]"), "accepted");
  EXPECT_THAT(problems(chain + "'s64']"), HasSubstr("64 hops at most"));
  EXPECT_THAT(problems(start + "name = 'c'\nservices = ['s', 's']\nout = 'p'"),
              HasSubstr("a loop: it comes to service 's' twice; name it once"));
  EXPECT_THAT(problems(kPort + "chain = 'x'\n"), HasSubstr("there is no chain 'x'; there are none yet"));
}

TEST(Config, Cores) {
  EXPECT_THAT(problems("[cores]\nio = 9\n" + kPort), HasSubstr("io core 9 isn't on this machine"));
  EXPECT_THAT(problems("[cores]\nshared = [1, 8]\n" + kPort), HasSubstr("roost.toml:2:14: [cores]: shared core 8"));
  EXPECT_THAT(problems("[cores]\nio = 1\nshared = [1]\n" + kPort), HasSubstr("core 1 is both io and shared"));
  EXPECT_THAT(problems("[cores]\nwake = 1\nshared = [1]\n" + kPort), HasSubstr("core 1 is both wake and shared"));
  EXPECT_THAT(problems("[cores]\nshared = [1]\ndedicated = [1]\n" + kPort), HasSubstr("both shared and dedicated"));
  EXPECT_THAT(problems("[cores]\nshared = [1, 1]\n" + kPort), HasSubstr("listed twice"));
  EXPECT_THAT(problems("[cores]\nshared = []\n" + kPort), HasSubstr("NFs need a core"));
  EXPECT_THAT(problems("[cores]\nshared_per_cpu = 0\n" + kPort), HasSubstr("shared_per_cpu"));
  EXPECT_THAT(problems("[cores]\nshared = [1, 1]\nshared_per_cpu = 2\n" + kPort), HasSubstr("listed twice"));
  const ManagerConfig doubled = parse("[cores]\nshared = [2, 1]\nshared_per_cpu = 2\n" + kPort);
  EXPECT_EQ(doubled.cores.shared, (std::vector<uint32_t>{2, 2, 1, 1}));
  EXPECT_EQ(parse("[cores]\nshared_per_cpu = 3\n" + kPort).cores.shared, (std::vector<uint32_t>{1, 1, 1}));
  EXPECT_THAT(problems("[cores]\nshared = ['x']\n" + kPort), HasSubstr("lists what is no core"));
  EXPECT_THAT(problems("[cores]\nwait_mode = 'fuex'\n" + kPort), HasSubstr("did you mean 'futex'?"));
  const ManagerConfig moved = parse("[cores]\nshared = [0, 1]\n" + kPort);
  EXPECT_EQ(moved.cores.io, (std::vector<uint32_t>{2}));
  const ManagerConfig kept = parse("[cores]\nio = 1\n" + kPort);
  EXPECT_EQ(kept.cores.shared, (std::vector<uint32_t>{0}));
}

TEST(Config, SeveralIoCores) {
  const std::string two = "[cores]\nio = [0, 2]\nshared = [1]\n";
  EXPECT_EQ(parse(two + kPort).cores.io, (std::vector<uint32_t>{0, 2}));
  EXPECT_EQ(parse("[cores]\nio = 0\nio_per_cpu = 3\n" + kPort).cores.io, (std::vector<uint32_t>{0, 0, 0}));
  EXPECT_EQ(parse("[cores]\nio = [2, 0]\nio_per_cpu = 2\n" + kPort).cores.io, (std::vector<uint32_t>{2, 2, 0, 0}));
  EXPECT_EQ(parse("[cores]\nio_per_cpu = 2\nshared = [0]\n" + kPort).cores.io, (std::vector<uint32_t>{1, 1}));
  EXPECT_THAT(problems("[cores]\nio = [0, 0]\n" + kPort), HasSubstr("core 0 is listed twice in 'io'"));
  EXPECT_THAT(problems("[cores]\nio = []\n" + kPort), HasSubstr("'io' is empty; data loops need a core"));
  EXPECT_THAT(problems("[cores]\nio = [0, 1]\nshared = [1]\n" + kPort), HasSubstr("core 1 is both io and shared"));
  EXPECT_THAT(problems("[cores]\nio = ['x']\n" + kPort), HasSubstr("'io' lists what is no core"));
  EXPECT_THAT(problems("[cores]\nio_per_cpu = 17\n" + kPort), HasSubstr("io_per_cpu"));
  EXPECT_THAT(problems("[cores]\nio = [0, 1, 2]\nio_per_cpu = 6\n" + kPort),
              HasSubstr("3 CPUs with 6 io cores each are too many; 16 is the most"));
}

TEST(Config, PortsNameTheirIoCoresByPlace) {
  const std::string two = "[cores]\nio = [0, 2]\nshared = [1]\n" + kPort;
  EXPECT_TRUE(parse(two).ports[0].io.empty());
  EXPECT_EQ(parse(two + "io = 1\n").ports[0].io, (std::vector<uint32_t>{1}));
  EXPECT_EQ(parse(two + "io = [1]\n").ports[0].io, (std::vector<uint32_t>{1}));
  EXPECT_THAT(problems(two + "io = 2\n"), HasSubstr("io"));
  EXPECT_THAT(problems(two + "io = [2]\n"), HasSubstr("there are 2 in [cores] io, numbered from 0"));
  EXPECT_THAT(problems(two + "io = [1, 1]\n"), HasSubstr("io lists 1 twice"));
  EXPECT_THAT(problems(two + "io = []\n"), HasSubstr("io is empty"));
  EXPECT_THAT(problems(two + "io = [0, 1]\n"), HasSubstr("belongs to one io core; name one: io = 0"));
  EXPECT_THAT(problems(kPort + "io = 1\n"), HasSubstr("io"));
  const std::string cores = "[cores]\nio = [0, 2]\nshared = [1]\n";
  for (const char* wire : {"kind = 'af_packet'\ninterface = 'lo'", "kind = 'af_xdp'\ninterface = 'lo'",
                           "kind = 'dpdk'\ndevice = 'net_tap0'"})
    EXPECT_EQ(parse(cores + "[[ports]]\nname = 'w'\n" + wire + "\nio = [1, 0]\n").ports[0].io,
              (std::vector<uint32_t>{1, 0}));
}

TEST(Config, OneCoreHasAllRoles) {
  const ConfigContext one{.setting_problem = {}, .cores = {5}};
  const ManagerConfig config = parse(kPort, one);
  EXPECT_EQ(config.cores.io, (std::vector<uint32_t>{5}));
  EXPECT_EQ(config.cores.shared, (std::vector<uint32_t>{5}));
  EXPECT_EQ(problems("[cores]\nio = 5\nwake = 5\nshared = [5]\n" + kPort, one), "accepted");
}

TEST(Config, SettingsAreCheckedByTheCaller) {
  const ConfigContext context{
      .setting_problem = [](std::string_view name, int64_t value) -> std::optional<std::string> {
        if (name == "good" && value < 10) return std::nullopt;
        return "no '" + std::string(name) + "' here; use good";
      },
      .cores = {0, 1}};
  EXPECT_EQ(parse("[settings]\ngood = 3\n" + kPort, context).settings.at("good"), 3U);
  EXPECT_THAT(problems("[settings]\nbad = 3\n" + kPort, context),
              HasSubstr("roost.toml:2:1: [settings]: no 'bad' here; use good"));
  EXPECT_THAT(problems("[settings]\ngood = -3\n" + kPort, context), HasSubstr("is negative"));
  EXPECT_THAT(problems("[settings]\ngood = '3'\n" + kPort, context), HasSubstr("isn't a whole number"));
  EXPECT_THAT(problems("[settings]\nwake_packet = 3\n" + kPort), HasSubstr("did you mean 'wake_packets'?"));
}

TEST(Config, AServiceHasSettingsOfItsOwn) {
  const std::string service = "[[services]]\nname = 'a'\nsettings = ";
  const auto settings = parse(service + "{ weight = 300, spin_us = 0 }\n" + kPort).services.at(0).settings;
  EXPECT_EQ(settings, (std::map<std::string, uint64_t>{{"spin_us", 0}, {"weight", 300}}));
  EXPECT_THAT(problems(service + "{ weight = 0 }\n" + kPort),
              HasSubstr("roost.toml:3:14: service 'a': setting 'weight': 0 is out of range; it takes 1 to 1000"));
  EXPECT_THAT(problems(service + "{ wieght = 1 }\n" + kPort), HasSubstr("did you mean 'weight'"));
  EXPECT_THAT(problems(service + "{ idle_us = 1 }\n" + kPort), HasSubstr("'idle_us' is the manager's alone"));
  EXPECT_THAT(problems(service + "{ weight = -1 }\n" + kPort), HasSubstr("is negative"));
  EXPECT_THAT(problems(service + "{ weight = 1.5 }\n" + kPort), HasSubstr("isn't a whole number"));
  EXPECT_THAT(problems(service + "7\n" + kPort), HasSubstr("settings"));
}

// An option that something else overrides, or that needs another one, is refused, not ignored.
TEST(Config, NothingIsReadAndIgnored) {
  EXPECT_EQ(parse("[settings]\nflow_idle_s = 7\n" + kPort).settings.at("flow_idle_s"), 7U);
  EXPECT_THAT(problems("[flows]\nidle_s = 5\n[settings]\nflow_idle_s = 7\n" + kPort),
              HasSubstr("roost.toml:4:1: [settings]: flow_idle_s is given as [flows] idle_s, too"));
  const std::string writer = "[[ports]]\nname = 'w'\nkind = 'pcap'\nwrite = '/tmp/w.pcap'\n";
  EXPECT_EQ(problems(writer), "accepted");
  EXPECT_THAT(problems(writer + "loop = true\n"), HasSubstr("loop does nothing without read"));
  EXPECT_THAT(problems(writer + "pace = 'recorded'\n"), HasSubstr("pace does nothing without read"));
}

TEST(Config, SyntaxErrorsHaveTheirPlace) {
  EXPECT_THAT(problems("[memory]\npackets = = 3\n"), HasSubstr("roost.toml:2:"));
  EXPECT_THAT(problems("[memory\n"), HasSubstr("not TOML"));
  EXPECT_THAT(problems("a = 1\na = 2\n"), HasSubstr("roost.toml:2:"));
  EXPECT_THAT(problems(std::string("\xff\xfe\0x", 4)), HasSubstr("not TOML"));
}

TEST(Config, SocketPathsAreBounded) {
  EXPECT_EQ(problems("control_socket = '" + std::string(101, 'x') + "'\n" + kPort), "accepted");
  EXPECT_THAT(problems("control_socket = '" + std::string(102, 'x') + "'\n" + kPort), HasSubstr("use 101 at most"));
}

TEST(Config, LoadsFilesAndSaysWhatItCannot) {
  const test::TempDir dir;
  EXPECT_EQ(load_config(dir.file("a.toml", kPort)).ports.size(), 1U);
  const auto error_of = [](const std::string& path) {
    try {
      load_config(path);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(error_of(dir.path("none")), HasSubstr("No such file"));
  EXPECT_THAT(error_of(dir.path(".")), HasSubstr("directory"));
  EXPECT_THAT(error_of(dir.file("b.toml", "x = 1")),
              HasSubstr(dir.path("b.toml") + ":1:1: configuration: 'x' isn't a key"));
}

}  // namespace
}  // namespace roost::config_test
