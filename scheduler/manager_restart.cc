// SPDX-License-Identifier: BSD-3-Clause
// Quarantined NFs that get packets again by themselves, once they have come back and their waits are over, and hosts
// that are started again. One timer, of whoever is due first; set only while one waits.
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "scheduler/manager.h"

namespace roost {
namespace {

constexpr uint64_t kLookAgain_ms = 100;   // at one that is due and has not come back; nobody tells when it does
constexpr uint64_t kTryAgain_ms = 5'000;  // where its host would not
constexpr size_t kHostsAtOnce = 8;        // that are started again, for the same reason
constexpr size_t kAtOnce = 16;            // each is a question to a host; then operators have their turn
constexpr uint64_t kAtOnce_ms = 100;      // and when these have taken so long: a host may take long to answer

double seconds(uint64_t ms) { return static_cast<double>(ms) / 1e3; }

}  // namespace

uint64_t Manager::now_ms() {
  using namespace std::chrono;
  return static_cast<uint64_t>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

RestartLimits Manager::restart_limits(uint32_t nf) const {
  const OwnSettings& own = registry_.group_of(nf)->settings;
  return {value_for(Setting::resume_ms, own), value_for(Setting::resume_most_ms, own)};
}

// It has lost its worker.
void Manager::confirm_quarantine(uint32_t nf) {
  const uint64_t now = now_ms();
  quarantine_.confirmed(nf, restart_limits(nf), now);
  set_restart_timer();
  const uint32_t times = quarantine_.times(nf);
  const auto due = quarantine_.due_ms(nf);
  const std::string by_hand = fmt::format("'roost resume {}'", nf);
  event(
      fmt::format("{}: does not come back from process() within {} us; it is quarantined{}, its packets are dropped, "
                  "and other NFs "
                  "go on; {}",
                  nf_name(nf), settings_.get(Setting::overrun_us),
                  times == 1 ? "" : fmt::format(" once more ({} times so far)", times),
                  due ? fmt::format("it gets packets again when it has come back and {:g} s are over, or earlier by {}",
                                    seconds(*due - now), by_hand)
                      : fmt::format("once it has come back, {} gives it packets again", by_hand)),
      EventKind::quarantine);
}

// After something changed in the settings of some.
void Manager::settle_quarantined() {
  for (const uint32_t nf : quarantine_.nfs())
    if (registry_.group_of(nf) != nullptr) quarantine_.settle(nf, restart_limits(nf));
  set_restart_timer();
}

void Manager::set_restart_timer() {
  auto next = quarantine_.next_ms();
  if (const auto host = comebacks_.next_ms()) next = std::min(next.value_or(UINT64_MAX), *host);
  itimerspec at{};  // nought: none
  if (next) {
    at.it_value.tv_sec = static_cast<time_t>(*next / 1'000);
    at.it_value.tv_nsec = static_cast<long>(*next % 1'000 * 1'000'000 + 1);
  }
  timerfd_settime(restart_timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

void Manager::on_restarts() {
  uint64_t expirations;
  if (read(restart_timer_.get(), &expirations, sizeof expirations) < 0) return;  // it was set again meanwhile
  const uint64_t until_ms = now_ms() + kAtOnce_ms;
  for (const uint32_t nf : quarantine_.due(now_ms(), kAtOnce)) {
    if (now_ms() >= until_ms) break;
    const NfGroup* const group = registry_.group_of(nf);
    if (group == nullptr || registry_.hosts().at(group->host)->dead) {
      quarantine_.forget(nf, 1);
    } else if (state_of(nf) == kNfRunaway) {
      quarantine_.put_off(nf, now_ms() + kLookAgain_ms);
    } else {
      try {
        resume(nf, false);
        event(fmt::format("{}: gets packets again; quarantines so far: {}", nf_name(nf), quarantine_.times(nf)),
              EventKind::quarantine);
      } catch (const Error& error) {
        event(fmt::format("{}: could not be resumed: {}; tried again in {:g} s", nf_name(nf), error.what(),
                          seconds(kTryAgain_ms)),
              EventKind::quarantine);
        quarantine_.put_off(nf, now_ms() + kTryAgain_ms);
      }
    }
  }
  for (size_t i = 0; i < kHostsAtOnce && now_ms() < until_ms; ++i) {
    auto comeback = comebacks_.take_due(now_ms());
    if (!comeback) break;
    come_back(std::move(*comeback));
  }
  set_restart_timer();
}

// What ps says of an NF that was ever quarantined, or has crashed its host. resumes_in_ms 0: once it has returned.
Json Manager::quarantine_report(uint32_t nf) const {
  Json report = Json::object();
  if (const uint32_t times = crashes_.times(nf); times != 0) report["crashes"] = times;
  if (const uint32_t times = quarantine_.times(nf); times != 0) report["quarantines"] = times;
  if (!quarantine_.has(nf)) return report;
  report["returned"] = state_of(nf) != kNfRunaway;
  if (const auto due = quarantine_.due_ms(nf)) report["resumes_in_ms"] = *due - std::min(*due, now_ms());
  return report;
}

}  // namespace roost
