// SPDX-License-Identifier: BSD-3-Clause
// Hosts that wait are offered new memory, all of them at once, and those that take it are this manager's.
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/error.h"
#include "core/memory_text.h"
#include "core/socket.h"
#include "scheduler/inheritance.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

// For all of them together, from when the last is asked; and for those that would answer, had they a processor.
constexpr std::chrono::milliseconds kTakeOverPatience{3'000}, kBusyMachinePatience{10'000};
constexpr int kLookAgain_ms = 50;

bool answers(const HostLink& host, std::chrono::steady_clock::time_point asked) {
  using Clock = std::chrono::steady_clock;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(asked + kTakeOverPatience - Clock::now());
  int patience_ms = static_cast<int>(std::max<int64_t>(0, left.count()));
  while (!readable_within(host.socket.get(), patience_ms)) {
    if (Clock::now() >= asked + kBusyMachinePatience || !host.wants_processor()) return false;
    patience_ms = kLookAgain_ms;
  }
  return true;
}

std::string how_it_left(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("it was killed by signal {} ({}) while no manager was there", signal, strsignal(signal));
  }
  if (WEXITSTATUS(status) == kHostHeldPackets) return "its NFs held packets, which went with the manager";
  if (WEXITSTATUS(status) == kHostBusy) return "an NF did not come back from process() when the manager had gone";
  return fmt::format("it exited with status {} while no manager was there", WEXITSTATUS(status));
}

}  // namespace

void Inheritance::take_all(std::vector<Heir>& heirs) {
  const auto with_each = [&heirs](auto&& what) {
    for (Heir& heir : heirs) {
      try {
        if (heir.trouble.empty()) what(heir);
      } catch (const std::exception& error) {
        heir.trouble = error.what();
      }
    }
  };
  with_each([this](Heir& heir) { claim(heir); });
  with_each([this](Heir& heir) { offer(heir); });
  const auto asked = Clock::now();
  with_each([&](Heir& heir) {
    if (!answers(*heir.host, asked)) fail("it does not answer");
    finish(heir);
  });
  for (Heir& heir : heirs)
    if (!heir.trouble.empty()) give_up(heir);
  manager_.set_restart_timer();
}

void Inheritance::claim(Heir& heir) {
  const size_t groups = heir.groups.size();
  std::erase_if(heir.groups,
                [this](const NfGroup& group) { return !manager_.registry_.take_numbers(group.first, group.count); });
  if (heir.groups.size() != groups) fail("numbers of its NFs are others', or cannot be");
}

void Inheritance::offer(Heir& heir) {
  Manager::SpawnRequest request;
  request.tier = heir.was.tier;
  request.tenant = heir.was.tenant;
  request.dedicated = heir.was.on_dedicated;
  request.service = manager_.service_names_[heir.groups.front().service];  // all of a host are of one domain
  const size_t cores = manager_.shared_cores_.size() + manager_.dedicated_cores_.size();
  if (heir.was.core >= cores) fail("it was on a core that is none of {}", cores);
  heir.host = manager_.lay_out_host(request, heir.was.core, heir.inbox_shift);
  HostLink& host = *heir.host;
  host.history.restarts = heir.was.history.restarts;
  host.history.managers = heir.was.history.managers;
  for (NfGroup& group : heir.groups) {
    if (!host.places.take_at(group.place, group.count)) fail("places of its NFs are others', or cannot be");
    group.host = host.id;
  }
  WorkerOrders& orders = HostRegion(host.region.data(), host.layout).worker().orders;
  orders.cpu.store(static_cast<uint16_t>(manager_.cpu_of(host.core)), std::memory_order_relaxed);
  orders.cpu_orders.store(1, std::memory_order_relaxed);

  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) fail_errno("socketpair");
  host.socket = FileDescriptor(ends[0]);
  const FileDescriptor theirs(ends[1]);
  set_blocking(host.socket.get(), false);
  NurseryLink::Handed handed = manager_.nursery_->hand(heir.pid, theirs.get());
  heir.clean = !handed.pidfd && WIFEXITED(handed.status) && WEXITSTATUS(handed.status) == 0;
  if (!handed.pidfd) fail("{}", how_it_left(handed.status));
  host.pid = heir.pid;
  host.pidfd = std::move(handed.pidfd);
  manager_.check_user(host);
  const FileDescriptor list = text_in_memory("roost-nfs", json_text(list_of(heir)));
  std::vector<int> descriptors = manager_.memory_of(host);
  descriptors.push_back(list.get());
  heir.request = host.say("take_over", manager_.terms_of(host), descriptors);
}

Json Inheritance::list_of(const Heir& heir) const {
  Json list = Json::array();
  for (const NfGroup& group : heir.groups) {
    Json held = Json::array();
    for (auto nf = held_.lower_bound(group.first); nf != held_.end() && *nf - group.first < group.count; ++nf)
      held.push_back(*nf - group.first);
    list.push_back({group.place, group.count, group.first, held});
  }
  return list;
}

// Its answer says no more than that it has the memory; if it has not, it does not run, or is ended for what it does.
void Inheritance::finish(Heir& heir) {
  const Json answer = heir.host->hear(heir.request, "take_over", kLookAgain_ms);
  if (const auto lost = answer.is_object() ? answer.find("lost") : answer.end();
      lost != answer.end() && lost->is_number_unsigned())
    lost_ += std::min<uint64_t>(lost->get<uint64_t>(), manager_.pool_->handle_bound() - lost_);
  heir.host->region.close_descriptor();
  const uint32_t id = heir.host->id;
  manager_.watched_.watch(heir.host->pidfd.get(), Manager::mark(Manager::Source::host_process, id));
  manager_.watched_.watch(heir.host->socket.get(), Manager::mark(Manager::Source::host_socket, id));
  manager_.add_to_loop(*heir.host);
  const HostLink& host = manager_.registry_.add_host(std::move(heir.host));
  keep_host(host);
  for (const NfGroup& each : heir.groups) {
    const NfGroup& group = manager_.registry_.add_group(each);
    manager_.give_nf_orders(group);
    manager_.service_origins_[group.service] = group.origin;
    std::vector<uint32_t> held;
    for (auto nf = held_.lower_bound(group.first); nf != held_.end() && *nf - group.first < group.count; ++nf)
      held.push_back(*nf);
    for (const uint32_t nf : held) manager_.quarantine_.seen(nf);
    manager_.announce(group, held);
    keep_group(group.first);
  }
}

// As with a host that dies: what its NFs' settings say.
void Inheritance::give_up(Heir& heir) {
  if (heir.host) {
    heir.host->kill_now();
    if (heir.host->pid > 0) manager_.nursery_->forget(heir.host->pid);
    manager_.registry_.give_host_number_back(heir.host->id);
    heir.host.reset();
  }
  const uint32_t all = heir.nfs();
  uint32_t back = 0;
  for (NfGroup& group : heir.groups) {
    auto& origin = manager_.service_origins_[group.service];
    if (origin == nullptr) origin = group.origin;
    const auto policy = static_cast<RestartPolicy>(manager_.value_for(Setting::restart_policy, group.settings));
    if (comes_back(policy, !heir.clean)) {
      back += group.count;
      heir.was.groups.emplace(group.first, std::move(group));
    } else {
      manager_.registry_.give_numbers_back(group.first, group.count);
    }
  }
  manager_.event(fmt::format(
      "host {} of the manager before this one ({}, tenant '{}', pid {}) is not taken back: {}; "
      "of its {} NFs {} are started again, {} are gone",
      heir.was.host, tier_name(heir.was.tier), heir.was.tenant, heir.pid, heir.trouble, all, back, all - back));
  if (back == 0) return;
  heir.was.history.end = heir.clean ? HostHistory::End::clean : HostHistory::End::failed;
  heir.was.history.due_ms = Manager::now_ms();
  heir.was.history.last_crash = {{"pid", heir.pid}, {"how", heir.trouble}};
  manager_.comebacks_.add(std::move(heir.was));
}

}  // namespace roost
