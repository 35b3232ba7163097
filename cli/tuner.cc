// SPDX-License-Identifier: BSD-3-Clause
#include "cli/tuner.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "cli/pareto.h"

namespace roost::cli {
namespace {

// Steps of about two: finer ones are lost in the noise.
constexpr uint64_t kPackets[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
constexpr uint64_t kDeadlines_us[] = {10, 20, 50, 100, 200, 500, 1'000, 2'000, 4'000};
constexpr uint64_t kSpins_us[] = {0, 5, 10, 20, 50, 100};

// Woken for each packet, with more and more spinning; the last is tried first.
constexpr WakeChoice kFirstChoices[] = {{1, 50, 100}, {1, 50, 20}, {1, 50, 0}};

// What is left of the trials for trying the best ones again.
constexpr uint32_t kConfirmed = 3, kRepeats = 3;
constexpr double kMissed = 1e6;  // above every score of one that meets the goal

size_t nearest(std::span<const uint64_t> scale, uint64_t value) {
  size_t best = 0;
  const auto away = [&](size_t i) {
    return std::abs(std::log1p(static_cast<double>(scale[i])) - std::log1p(static_cast<double>(value)));
  };
  for (size_t i = 1; i < scale.size(); ++i)
    if (away(i) < away(best)) best = i;
  return best;
}

}  // namespace

Tuner::Tuner(const TuneGoal& goal, const WakeChoice& present, uint32_t trials_most)
    : goal_(goal), trials_most_(trials_most), first_(std::begin(kFirstChoices), std::end(kFirstChoices)) {
  std::erase(first_, present);
  first_.push_back(present);
}

TuneOutcome Tuner::Tried::median() const {
  const auto middle = [&](double TuneOutcome::*cost) {
    std::vector<double> values;
    for (const TuneOutcome& outcome : outcomes) values.push_back(outcome.*cost);
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  };
  const auto delivered = std::count_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return o.delivers; });
  return {middle(&TuneOutcome::p99_us), middle(&TuneOutcome::cpu_percent),
          2 * static_cast<size_t>(delivered) > outcomes.size()};
}

bool Tuner::meets(size_t place) const {
  const TuneOutcome outcome = tried_[place].median();
  return outcome.delivers && (goal_.p99_us_most ? outcome.p99_us <= *goal_.p99_us_most
                                                : outcome.cpu_percent <= goal_.cpu_percent_most.value_or(0));
}

double Tuner::score(size_t place) const {
  const TuneOutcome outcome = tried_[place].median();
  if (!outcome.delivers) return INFINITY;
  if (meets(place)) return goal_.p99_us_most ? outcome.cpu_percent : outcome.p99_us;
  return kMissed * (1 + (goal_.p99_us_most ? outcome.p99_us : outcome.cpu_percent));
}

std::vector<size_t> Tuner::by_score() const {
  std::vector<size_t> order(tried_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score(a) < score(b); });
  return order;
}

std::optional<size_t> Tuner::choice() const {
  if (tried_.empty()) return std::nullopt;
  // One that was tried once and looks best may owe it to luck: of those tried as often as any, the best.
  size_t most = 0;
  for (const Tried& tried : tried_) most = std::max(most, tried.outcomes.size());
  for (const size_t place : by_score())
    if (tried_[place].outcomes.size() == most) return place;
  return std::nullopt;
}

std::vector<size_t> Tuner::front() const {
  std::vector<TwoCosts> costs;
  for (const Tried& tried : tried_) {
    const TuneOutcome outcome = tried.median();
    costs.push_back(outcome.delivers ? TwoCosts{outcome.p99_us, outcome.cpu_percent} : TwoCosts{NAN, NAN});
  }
  return pareto_front(costs);
}

bool Tuner::has(const WakeChoice& choice) const {
  return std::any_of(tried_.begin(), tried_.end(), [&](const Tried& tried) { return tried.choice == choice; });
}

size_t Tuner::place_of(const WakeChoice& choice) {
  for (size_t i = 0; i < tried_.size(); ++i)
    if (tried_[i].choice == choice) return i;
  tried_.push_back({choice, {}});
  return tried_.size() - 1;
}

// Packets and deadline go together: one without the other often changes nothing.
std::optional<WakeChoice> Tuner::untried_near(const WakeChoice& centre) const {
  static constexpr int kMoves[][3] = {{1, 1, 0},  {-1, -1, 0}, {0, 1, 0}, {0, -1, 0}, {1, 0, 0}, {-1, 0, 0},
                                      {0, 0, -1}, {0, 0, 1},   {2, 2, 0}, {-2, 0, 0}, {0, 0, -3}};
  const int at[] = {static_cast<int>(nearest(kPackets, centre.wake_packets)),
                    static_cast<int>(nearest(kDeadlines_us, centre.wake_deadline_us)),
                    static_cast<int>(nearest(kSpins_us, centre.spin_us))};
  const int sizes[] = {std::size(kPackets), std::size(kDeadlines_us), std::size(kSpins_us)};
  for (const auto& move : kMoves) {
    int to[3];
    bool inside = true;
    for (int i = 0; i < 3; ++i) {
      to[i] = at[i] + move[i];
      inside = inside && to[i] >= 0 && to[i] < sizes[i];
    }
    if (!inside) continue;
    WakeChoice choice{kPackets[to[0]], kDeadlines_us[to[1]], kSpins_us[to[2]]};
    if (choice.wake_packets == 1) choice.wake_deadline_us = centre.wake_packets == 1 ? centre.wake_deadline_us : 50;
    if (!has(choice)) return choice;
  }
  return std::nullopt;
}

// Waiting longer costs latency and saves wakes, so that along a line of choices that wait longer and longer, those that
// meet the goal are the first ones (of latency) or the last ones (of CPU time). The next to try, by halves, to find
// where they end; nothing: that is known. `edge` becomes the last place, or the first one, that meets it.
template <typename Line>
std::optional<WakeChoice> Tuner::untried_on(const Line& line, size_t length, size_t& edge) const {
  size_t low = 0, high = length;  // the edge is behind one of [low, high)
  const bool first_ones = goal_.p99_us_most.has_value();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const auto found =
        std::find_if(tried_.begin(), tried_.end(), [&](const Tried& tried) { return tried.choice == line(middle); });
    if (found == tried_.end()) return line(middle);
    if (meets(static_cast<size_t>(found - tried_.begin())) == first_ones)
      low = middle + 1;
    else
      high = middle;
  }
  edge = first_ones ? (low == 0 ? 0 : low - 1) : std::min(low, length - 1);
  return std::nullopt;
}

// Whatever number of packets is reached first, or whatever time is over first: each alone, then both.
std::optional<WakeChoice> Tuner::untried_on_lines() const {
  constexpr size_t kLooser = 2;
  size_t deadline = 0, packets = 0;
  const auto by_deadline = [](size_t i) { return WakeChoice{kPackets[std::size(kPackets) - 1], kDeadlines_us[i], 0}; };
  if (const auto choice = untried_on(by_deadline, std::size(kDeadlines_us), deadline)) return choice;
  const uint64_t loose_us = kDeadlines_us[std::min(deadline + kLooser, std::size(kDeadlines_us) - 1)];
  const auto by_packets = [&](size_t i) { return WakeChoice{kPackets[i + 1], loose_us, 0}; };
  return untried_on(by_packets, std::size(kPackets) - 1, packets);
}

std::optional<WakeChoice> Tuner::to_confirm() const {
  const auto order = by_score();
  for (size_t i = 0; i < std::min<size_t>(kConfirmed, order.size()); ++i)
    if (tried_[order[i]].outcomes.size() < kRepeats) return tried_[order[i]].choice;
  return std::nullopt;
}

std::optional<WakeChoice> Tuner::next() {
  asked_.reset();
  if (trials_ >= trials_most_) return asked_;
  const uint32_t reserved = kConfirmed * (kRepeats - 1);
  if (!first_.empty() && (tried_.empty() || trials_ + reserved < trials_most_)) {
    asked_ = first_.back();
    first_.pop_back();
  } else {
    if (trials_ + reserved < trials_most_) asked_ = untried_on_lines();
    if (!asked_ && trials_ + reserved < trials_most_) {
      const auto order = by_score();
      for (size_t i = 0; i < std::min<size_t>(2, order.size()) && !asked_; ++i)
        asked_ = untried_near(tried_[order[i]].choice);
    }
    if (!asked_) asked_ = to_confirm();
  }
  return asked_;
}

void Tuner::tell(const TuneOutcome& outcome) {
  if (!asked_) return;
  tried_[place_of(*asked_)].outcomes.push_back(outcome);
  asked_.reset();
  ++trials_;
}

}  // namespace roost::cli
