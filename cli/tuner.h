// SPDX-License-Identifier: BSD-3-Clause
// Finds wake thresholds that hold a goal, by asking for trials and being told their outcomes: what is set now; waking
// at once; by halves, the longest wait that holds the goal, by time and by number of packets; steps from the best one;
// and the best ones once more, since a trial is noisy. Pure: no clock, no manager.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

namespace roost::cli {

// One of the two: hold it, and get the most of the other.
struct TuneGoal {
  std::optional<double> p99_us_most{};       // with the least CPU time
  std::optional<double> cpu_percent_most{};  // with the least p99
};

struct WakeChoice {
  uint64_t wake_packets = 1, wake_deadline_us = 50, spin_us = 20;
  auto operator<=>(const WakeChoice&) const = default;
};

struct TuneOutcome {
  double p99_us = 0, cpu_percent = 0;
  bool delivers = true;  // no more was lost for want of room than may be
};

class Tuner {
 public:
  // `present`: what is set now; it is tried first.
  Tuner(const TuneGoal& goal, const WakeChoice& present, uint32_t trials_most);

  // What to try next; nothing: that was all. Each is to be answered by tell().
  std::optional<WakeChoice> next();
  void tell(const TuneOutcome& outcome);

  struct Tried {
    WakeChoice choice;
    std::vector<TuneOutcome> outcomes;
    TuneOutcome median() const;
  };
  const std::vector<Tried>& tried() const noexcept { return tried_; }
  // Places in tried(): what no other beats in both costs, and delivers; by p99, rising.
  std::vector<size_t> front() const;
  // The best one there is; it may still miss the goal, see meets(). Nothing has been tried: nothing.
  std::optional<size_t> choice() const;
  bool meets(size_t place) const;

 private:
  double score(size_t place) const;  // less is better
  std::vector<size_t> by_score() const;
  std::optional<WakeChoice> untried_near(const WakeChoice& centre) const;
  template <typename Line>
  std::optional<WakeChoice> untried_on(const Line& line, size_t length, size_t& edge) const;
  std::optional<WakeChoice> untried_on_lines() const;
  std::optional<WakeChoice> to_confirm() const;
  bool has(const WakeChoice& choice) const;
  size_t place_of(const WakeChoice& choice);

  TuneGoal goal_;
  uint32_t trials_most_, trials_ = 0;
  std::vector<WakeChoice> first_;  // yet to be tried, from the back
  std::vector<Tried> tried_;
  std::optional<WakeChoice> asked_;
};

}  // namespace roost::cli
