// SPDX-License-Identifier: BSD-3-Clause
// Cores that vanish while NFs run, and come back: a CPU is taken offline, or the cgroup's cpuset shrinks. The kernel
// lets threads whose CPU has gone run on others; here it is noticed and said, workers move to the shared cores that
// are left, and go back to work on the core once it is there again.
#include <fmt/ranges.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

// What the kernel lets this process use at the moment, whatever the calling thread is bound to.
cpu_set_t usable_cpus() {
  cpu_set_t mine, all;
  if (sched_getaffinity(0, sizeof mine, &mine) != 0) fail_errno("the cores that this process may use can't be read");
  std::memset(&all, 0xff, sizeof all);
  sched_setaffinity(0, sizeof all, &all);
  sched_getaffinity(0, sizeof all, &all);
  sched_setaffinity(0, sizeof mine, &mine);  // where all of them have gone it goes on as it can
  return all;
}

}  // namespace

void Manager::watch_cores(const ManagerConfig::Cores& cores) {
  for (const uint32_t cpu : cores.io) roles_[cpu] = "io";
  if (cores.wake) roles_[*cores.wake] = "wake";
  for (const uint32_t cpu : cores.dedicated) roles_[cpu] = "dedicated";
  for (const uint32_t cpu : cores.shared)
    roles_[cpu] = std::count(cores.io.begin(), cores.io.end(), cpu) != 0 ? "io and shared" : "shared";
  seen_cpus_ = usable_cpus();
  core_timer_ = FileDescriptor(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!core_timer_) fail_errno("cores: timerfd_create");
  watched_.watch(core_timer_.get(), mark(Source::cores));
  set_core_timer();
}

void Manager::set_core_timer() {
  const uint64_t ms = settings_.get(Setting::core_check_ms);
  const timespec interval{static_cast<time_t>(ms / 1'000), static_cast<long>(ms % 1'000 * 1'000'000)};
  const itimerspec timer{interval, interval};
  if (timerfd_settime(core_timer_.get(), 0, &timer, nullptr) != 0) fail_errno("cores: timerfd_settime");
}

void Manager::check_cores() {
  uint64_t expirations;
  if (read(core_timer_.get(), &expirations, sizeof expirations) < 0) return;
  const cpu_set_t usable = usable_cpus();
  if (CPU_EQUAL(&usable, &seen_cpus_)) return;
  const cpu_set_t before = std::exchange(seen_cpus_, usable);
  for (const auto& [cpu, role] : roles_)
    if (const bool is = CPU_ISSET(cpu, &usable); is != static_cast<bool>(CPU_ISSET(cpu, &before)))
      is ? core_returned(cpu, role) : core_vanished(cpu, role);
}

void Manager::tell_usable(uint32_t cpu, bool usable) {
  loops_->together([&] {
    for (uint32_t core = 0; core < shared_cores_.size(); ++core)
      if (shared_cores_[core] == cpu) loops_->of_core(core).set_usable(core, usable);
  });
}

void Manager::core_vanished(uint32_t cpu, const std::string& role) {
  std::set<uint32_t> loops, left;  // workers stay with their loop
  for (uint32_t core = 0; core < shared_cores_.size(); ++core)
    if (shared_cores_[core] == cpu) loops.insert(loops_->number_of_core(core));
  for (uint32_t core = 0; core < shared_cores_.size(); ++core)
    if (CPU_ISSET(shared_cores_[core], &seen_cpus_) && loops.contains(loops_->number_of_core(core)))
      left.insert(shared_cores_[core]);
  const bool shared = std::find(shared_cores_.begin(), shared_cores_.end(), cpu) != shared_cores_.end();
  event(fmt::format("core {} ({}) has vanished: it is offline, or the cgroup's cpuset has lost it; {}", cpu, role,
                    !shared        ? "what ran there goes on on others, slower"
                    : left.empty() ? "no shared core is left, and its workers run where the kernel lets them"
                                   : fmt::format("its workers move to the shared cores {}", fmt::join(left, ", "))),
        EventKind::core);
  tell_usable(cpu, false);
}

void Manager::core_returned(uint32_t cpu, const std::string& role) {
  event(fmt::format("core {} ({}) is there again, and taken back into use", cpu, role), EventKind::core);
  tell_usable(cpu, true);
  loops_->stay_on(cpu);  // a thread whose core has been offline is bound to it no longer
}

}  // namespace roost
