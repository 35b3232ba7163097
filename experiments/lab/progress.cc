// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace roost::experiment {
namespace {

constexpr size_t kBarWidth = 20, kTextMost = 60;

}  // namespace

std::string duration_text(double seconds) {
  if (seconds < 0) return "?";
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  const auto minutes = std::lround(seconds / 60);
  if (minutes < 100) return fmt::format("{} min", minutes);
  return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

double Progress::left_s() const noexcept {
  if (done_ == 0) return -1;
  return spent_s_ / static_cast<double>(done_) * static_cast<double>(total_ - std::min(done_, total_));
}

void Progress::begins(const std::string& what, double now_s) {
  began_s_ = now_s;
  if (terminal_) show(what, false);
}

void Progress::ends(const std::string& what, double now_s) {
  spent_s_ += now_s - began_s_;
  ++done_;
  show(what, true);
}

void Progress::show(const std::string& text, bool stays) {
  const std::string left = done_ == 0 ? "" : fmt::format(", {} left", duration_text(left_s()));
  if (!terminal_) {
    fmt::print(out_, "[{}/{}{}] {}\n", done_, total_, left, text);
  } else {
    if (stays) fmt::print(out_, "\r\033[K{}\n", text);
    const size_t full = total_ == 0 ? kBarWidth : std::min(kBarWidth, kBarWidth * done_ / total_);
    fmt::print(out_, "\r\033[K[{}{}] {}/{}{} {}", std::string(full, '#'), std::string(kBarWidth - full, '.'), done_,
               total_, left, stays ? "" : text.substr(0, kTextMost));
    if (done_ == total_) fmt::print(out_, "\n");
  }
  std::fflush(out_);
}

}  // namespace roost::experiment
