// SPDX-License-Identifier: BSD-3-Clause
#include "cli/live_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/figures.h"
#include "cli/machine.h"

namespace roost::cli {
namespace {

constexpr const char* kNames[] = {"wake_packets", "wake_deadline_us", "spin_us"};
constexpr double kSettle_s = 0.2;     // after setting, before measuring
constexpr double kLostShare = 0.001;  // always forgiven
constexpr const char* kOverload[] = {"inbox_full", "backpressure", "buffer_share", "transmit_full"};

}  // namespace

std::vector<std::pair<const char*, uint64_t>> settings_of(const WakeChoice& choice) {
  return {{kNames[0], choice.wake_packets}, {kNames[1], choice.wake_deadline_us}, {kNames[2], choice.spin_us}};
}

LiveTrials::LiveTrials(Client& client, std::string service, double trial_s, std::function<void(double)> wait)
    : client_(client), service_(std::move(service)), trial_s_(trial_s), wait_(std::move(wait)) {
  uint64_t* const values[] = {&present_.wake_packets, &present_.wake_deadline_us, &present_.spin_us};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    const Json answer = client_.call("get", scoped({{"name", kNames[i]}}));
    const Json& settings = part_of(answer, "settings");
    if (settings.empty())
      fail("tune: the manager does not know the setting '{}'; is it of another version?", kNames[i]);
    *values[i] = count_of(settings[0], "value");
    own_.push_back(text_of(settings[0], "from") == (service_.empty() ? "manager" : "service"));
  }
}

LiveTrials::~LiveTrials() {
  try {
    restore();
  } catch (const std::exception& error) {
    fmt::print(stderr, "tune: cannot set again what was set before: {}\n", error.what());
  }
}

double LiveTrials::seconds_each() const noexcept { return kSettle_s + trial_s_; }

Json LiveTrials::scoped(Json parameters) const {
  if (!service_.empty()) parameters["service"] = service_;
  return parameters;
}

void LiveTrials::set(const WakeChoice& choice) {
  for (const auto& [name, value] : settings_of(choice)) client_.call("set", scoped({{"name", name}, {"value", value}}));
}

void LiveTrials::keep(const WakeChoice& choice) {
  set(choice);
  restored_ = true;
}

void LiveTrials::restore() {
  if (std::exchange(restored_, true)) return;
  const auto before = settings_of(present_);
  for (size_t i = 0; i < before.size(); ++i) {
    const auto& [name, value] = before[i];
    if (own_[i])
      client_.call("set", scoped({{"name", name}, {"value", value}}));
    else
      client_.call("unset", scoped({{"name", name}}));
  }
}

LiveTrials::Snapshot LiveTrials::look() {
  const Json stats = client_.call("stats");
  const Json ps = client_.call("ps", {{"after", UINT32_MAX}, {"limit", 0}});
  Snapshot now;
  now.uptime_s = number_of(stats, "uptime_s");
  now.received = number_of(stats, "received");
  for (const char* cause : kOverload) now.lost += number_of(part_of(stats, "dropped"), cause);
  for (const Json& port : part_of(stats, "ports")) now.lost += number_of(part_of(port, "receive_dropped"), "missed");
  now.p99_us = number_of(part_of(stats, "latency_us"), "p99");
  now.timed = count_of(part_of(stats, "latency_us"), "count");
  // Of very many hosts the manager tells of some only: they stand for the others.
  double hosts_s = 0;
  const Json& hosts = part_of(ps, "hosts");
  for (const Json& host : hosts) hosts_s += cpu_seconds_of(static_cast<int>(count_of(host, "pid")));
  const double shown = std::max<double>(1, static_cast<double>(hosts.size()));
  now.cpu_s = cpu_seconds_of(client_.manager_pid()) + hosts_s * std::max(1.0, number_of(ps, "hosts_total") / shown);
  return now;
}

TuneOutcome LiveTrials::run(const WakeChoice& choice) {
  try {
    set(choice);
  } catch (const NoManager&) {
    throw;
  } catch (const Error&) {  // it contradicts another setting
    return {INFINITY, INFINITY, false};
  }
  wait_(kSettle_s);
  client_.call("clear_latency");
  const Snapshot before = look();
  wait_(trial_s_);
  const Snapshot after = look();
  const double received = after.received - before.received;
  if (received <= 0) fail("tune: no packet came for {} s: it takes traffic to tune for", trial_s_);
  if (after.timed == 0)
    fail(
        "tune: packets came, and none left by a port for {} s, so that there is no latency; 'roost stats' says what "
        "drops them",
        trial_s_);
  const double lost = (after.lost - before.lost) / received;
  if (lost_share_most_ < 0) lost_share_most_ = std::max(kLostShare, 2 * lost);  // what is set now sets the measure
  return {after.p99_us, 100 * std::max(0.0, after.cpu_s - before.cpu_s) / (after.uptime_s - before.uptime_s),
          lost <= lost_share_most_};
}

}  // namespace roost::cli
