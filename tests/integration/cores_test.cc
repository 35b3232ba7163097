// SPDX-License-Identifier: BSD-3-Clause
// A shared core that vanishes under traffic, and comes back: the manager's cpuset shrinks and grows again. Needs a
// cgroup (v1) that the test may make, and two CPUs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/integration/manager_process.h"
#include "tests/support/run_program.h"

namespace roost::test {
namespace {

namespace fs = std::filesystem;

std::vector<uint32_t> cpus_here() {
  cpu_set_t set;
  std::vector<uint32_t> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

// A cpuset below this process's own.
class Cpuset {
 public:
  Cpuset() {
    std::ifstream lines("/proc/self/cgroup");
    for (std::string line; std::getline(lines, line);)
      if (const size_t at = line.find(":cpuset:"); at != std::string::npos)
        parent_ = "/sys/fs/cgroup/cpuset" + line.substr(at + 8);
    path_ = parent_ / fmt::format("roost-test-{}", getpid());
    std::error_code failed;
    made_ = !parent_.empty() && fs::create_directory(path_, failed);
    if (made_) usable_ = write("cpuset.mems", content_of((parent_ / "cpuset.mems").string()));
  }
  ~Cpuset() {
    if (!made_) return;
    EXPECT_TRUE(eventually([this] {
      std::error_code failed;
      return fs::remove(path_, failed);
    }));
  }
  Cpuset(const Cpuset&) = delete;
  Cpuset& operator=(const Cpuset&) = delete;

  bool usable() const { return usable_; }
  bool set(const std::string& cpus) const { return write("cpuset.cpus", cpus); }
  // What a program is started with, so that it lives there.
  std::vector<std::string> prefix() const {
    return {"sh", "-c", fmt::format("echo $$ > {}/tasks && exec \"$@\"", path_.string()), "sh"};
  }

 private:
  bool write(const std::string& name, const std::string& text) const {
    std::ofstream file(path_ / name);
    file << text << std::flush;
    return file.good();
  }
  fs::path parent_, path_;
  bool made_ = false, usable_ = false;
};

// Whether a thread of the process may run on this CPU and on no other.
bool has_thread_on(pid_t pid, uint32_t cpu) {
  std::error_code gone;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), gone))
    if (content_of((task.path() / "status").string()).find(fmt::format("Cpus_allowed_list:\t{}\n", cpu)) !=
        std::string::npos)
      return true;
  return false;
}

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST(Cores, ASharedCoreThatVanishesIsSaidTrafficGoesOnAndItIsUsedAgainWhenItIsBack) {
  const auto cpus = cpus_here();
  Cpuset cpuset;
  if (cpus.size() < 2 || !cpuset.usable()) GTEST_SKIP() << "needs two CPUs and a cgroup v1 cpuset of its own";
  const uint32_t io = cpus[0], shared = cpus[1];
  const std::string both = fmt::format("{},{}", io, shared);
  ASSERT_TRUE(cpuset.set(both));
  {
    ManagerProcess manager(
        simple_config({"a", "b"}, "flows = 100\nrate_pps = 20000\nbacklog_packets = 256",
                      fmt::format("[cores]\nio = {}\nshared = [{}]\n[settings]\ncore_check_ms = 10\n", io, shared)),
        cpuset.prefix());
    for (const char* service : {"a", "b"}) manager.spawn(nf("forward"), service, 1, "process");
    const auto goes_on = [&] {
      const uint64_t before = manager.figure("transmitted");
      return eventually([&] { return manager.figure("transmitted") > before + 1'000; });
    };
    ASSERT_TRUE(goes_on());
    for (const pid_t host : manager.live_hosts()) EXPECT_TRUE(has_thread_on(host, shared));
    for (int round = 0; round < 3; ++round) {
      ASSERT_TRUE(cpuset.set(std::to_string(io)));
      const auto said = [&](const std::string& what) { return count_of(manager.events(), what) == round + 1; };
      EXPECT_TRUE(eventually([&] {
        return said(fmt::format("core {} (shared) has vanished", shared)) && said("no shared core is left");
      })) << manager.events();
      for (const pid_t host : manager.live_hosts()) EXPECT_FALSE(has_thread_on(host, shared));
      EXPECT_TRUE(goes_on());
      ASSERT_TRUE(cpuset.set(both));
      EXPECT_TRUE(eventually([&] { return said(fmt::format("core {} (shared) is there again", shared)); }));
      for (const pid_t host : manager.live_hosts())
        EXPECT_TRUE(eventually([&] { return has_thread_on(host, shared); })) << "bound to it, as before";
      EXPECT_TRUE(goes_on());
    }
    EXPECT_EQ(manager.live_hosts().size(), 2U);
    manager.call("pause");
    EXPECT_TRUE(manager.settled());
    expect_balanced(manager.stats());
    EXPECT_EQ(manager.figure("dropped_midway"), 0U);
    manager.end();
  }
}

}  // namespace
}  // namespace roost::test
