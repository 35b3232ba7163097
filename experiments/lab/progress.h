// SPDX-License-Identifier: BSD-3-Clause
// How far a run is, and how long it will take: on a terminal one line that is written over, elsewhere plain lines.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

namespace roost::experiment {

// "45 s", "12 min", "3 h 20 min".
std::string duration_text(double seconds);

class Progress {
 public:
  Progress(std::FILE* out, bool terminal, size_t total) : out_(out), terminal_(terminal), total_(total) {}

  void begins(const std::string& what, double now_s);
  void ends(const std::string& what, double now_s);

  // By the mean of what is done. Negative: nothing is done yet.
  double left_s() const noexcept;

 private:
  void show(const std::string& text, bool stays);

  std::FILE* out_;
  bool terminal_;
  size_t total_, done_ = 0;
  double began_s_ = 0, spent_s_ = 0;
};

}  // namespace roost::experiment
