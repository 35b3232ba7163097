// SPDX-License-Identifier: BSD-3-Clause
// What deaths leave: no process, no shared memory that anybody holds, no socket, no name of one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fault/neighbours.h"
#include "tests/integration/outliving.h"

namespace roost::test::outlive {
namespace {

using testing::IsEmpty;

// Shared memory has no name but its number.
struct Holder {
  pid_t pid;
  ino_t inode;
  std::string name;
};
void PrintTo(const Holder& holder, std::ostream* to) { *to << holder.name << " of process " << holder.pid; }

// What this process maps or has open of Roost's.
void add_memory_of(pid_t pid, std::vector<Holder>& to) {
  constexpr std::string_view kNames[] = {"/memfd:roost-packets", "/memfd:roost-host", "/memfd:roost-paths",
                                         "/memfd:roost-roster", "/memfd:roost-module"};
  const auto add = [&](const std::string& text, ino_t inode) {
    for (const std::string_view name : kNames)
      if (const size_t at = text.find(name); at != std::string::npos) to.push_back({pid, inode, text.substr(at)});
  };
  std::istringstream maps(content_of(fmt::format("/proc/{}/maps", pid)));
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range, protection, offset, device;
    ino_t inode = 0;
    fields >> range >> protection >> offset >> device >> inode;
    add(line, inode);
  }
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), gone)) {
    struct stat status {};
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (stat(entry.path().c_str(), &status) == 0) add(target.string(), status.st_ino);
  }
}

std::vector<Holder> memory_of(const std::vector<pid_t>& pids) {
  std::vector<Holder> all;
  for (const pid_t pid : pids) add_memory_of(pid, all);
  return all;
}

// Any process on this machine that has any of it.
std::vector<Holder> holders_of(const std::vector<Holder>& memory) {
  std::set<ino_t> wanted;
  for (const Holder& each : memory) wanted.insert(each.inode);
  std::vector<Holder> all, found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc"))
    if (const std::string name = entry.path().filename(); std::all_of(name.begin(), name.end(), isdigit))
      add_memory_of(static_cast<pid_t>(std::stol(name)), all);
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const Holder& each) { return wanted.contains(each.inode); });
  return found;
}

bool is_kind(const Holder& holder, std::string_view kind) {
  return holder.name.starts_with("/memfd:roost-" + std::string(kind));
}

class LeftBehind : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "what processes map is root's to read";
  }
  void start(const std::string& more) {
    manager_ = std::make_unique<ManagerProcess>(simple_config(
        {"a", "b"}, fmt::format("flows = 100\nrate_pps = {}\nbacklog_packets = 1000\n", scaled(20'000)), more));
    populate();
    ASSERT_TRUE(goes_on(*manager_));
    look();
  }
  void populate() {
    for (const char* tier : {"fiber", "process"})
      for (const char* service : {"a", "b"}) manager_->spawn(nf("forward"), service, 2, tier);
  }
  void look() {
    processes_ = descendants_of(manager_->pid());
    processes_.push_back(manager_->pid());
    memory_ = memory_of(processes_);
    for (const char* kind : {"packets", "host", "paths"})
      ASSERT_TRUE(std::any_of(memory_.begin(), memory_.end(), [&](const auto& each) { return is_kind(each, kind); }));
  }
  void expect_nothing_left() {
    EXPECT_TRUE(eventually([&] { return std::none_of(processes_.begin(), processes_.end(), runs); }));
    EXPECT_THAT(holders_of(memory_), IsEmpty());
    manager_->expect_nothing_left();
  }

  std::unique_ptr<ManagerProcess> manager_;
  std::vector<pid_t> processes_;
  std::vector<Holder> memory_;
};

TEST_F(LeftBehind, ByAManagerNothing) {
  for (const int signal : {SIGKILL, SIGABRT, crash_signal()}) {
    SCOPED_TRACE(signal);
    start("");
    manager_->kill_now(signal);
    manager_->wait_for_end();
    expect_nothing_left();
  }
}

TEST_F(LeftBehind, ByOneThatNobodyFollowsNothing) {
  for (const int signal : {SIGKILL, SIGABRT}) {
    SCOPED_TRACE(signal);
    start(waits(1));
    manager_->kill_now(signal);
    manager_->wait_for_end();
    expect_nothing_left();
  }
}

// While hosts wait the dead manager's packets are nobody's; when they are taken back, all that it shared with them.
TEST_F(LeftBehind, ByOneThatIsFollowedNothing) {
  start(waits());
  for (int round = 1; round <= 3; ++round) {
    SCOPED_TRACE(round);
    const auto old = memory_;
    const auto held = [&](std::string_view kind) {
      const auto holders = holders_of(old);
      return std::any_of(holders.begin(), holders.end(), [&](const Holder& each) { return is_kind(each, kind); });
    };
    kill_manager(*manager_);
    EXPECT_TRUE(eventually([&] { return !held("packets"); }));
    manager_->start_again();
    EXPECT_TRUE(goes_on(*manager_)) << manager_->log();
    for (const char* kind : {"packets", "host", "paths", "roster"}) EXPECT_FALSE(held(kind)) << kind;
    look();
  }
  manager_->end();
  expect_nothing_left();
}

// Names, where nobody is left who could remove them; and they are the next one's.
TEST_F(LeftBehind, ByAManagerAndItsNurseryNames) {
  for (const std::string& more : {std::string(), waits()}) {
    SCOPED_TRACE(more);
    start(more);
    kill(manager_->nursery(), SIGSTOP);
    const pid_t nursery = manager_->nursery();
    kill_manager(*manager_);
    kill(nursery, SIGKILL);
    EXPECT_TRUE(eventually([&] { return std::none_of(processes_.begin(), processes_.end(), runs); }));
    EXPECT_THAT(holders_of(memory_), IsEmpty());
    manager_->start_again();
    populate();
    EXPECT_TRUE(goes_on(*manager_));
    look();
    manager_->end();
    expect_nothing_left();
  }
}

// By the next manager: a folder of DPDK's of one that was killed when it had hardly begun.
TEST_F(LeftBehind, ByOneThatWasJustStartingIsRemoved) {
  const std::string folder = "/run/dpdk/roost-4194303";  // no process has a number so high unless told to
  if (runs(4'194'303) || !std::filesystem::create_directories(folder)) GTEST_SKIP() << folder << " cannot be made";
  start("");
  EXPECT_FALSE(std::filesystem::exists(folder));
  manager_->end();
  expect_nothing_left();
}

}  // namespace
}  // namespace roost::test::outlive
