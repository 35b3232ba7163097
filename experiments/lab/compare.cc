// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/compare.h"

#include <algorithm>
#include <map>
#include <random>

#include "core/error.h"
#include "experiments/harness/harness.h"
#include "experiments/lab/figures.h"

namespace roost::experiment {
namespace {

double median_of_all(const Lives& lives) {
  std::vector<double> all;
  for (const auto& life : lives) all.insert(all.end(), life.begin(), life.end());
  return spread_of(all).median;
}

size_t pick(std::mt19937_64& random, size_t count) {
  return std::uniform_int_distribution<size_t>(0, count - 1)(random);
}

Lives redrawn(const Lives& lives, std::mt19937_64& random) {
  Lives result;
  for (size_t i = 0; i < lives.size(); ++i) {
    const auto& life = lives[pick(random, lives.size())];
    result.emplace_back();
    for (size_t k = 0; k < life.size(); ++k) result.back().push_back(life[pick(random, life.size())]);
  }
  return result;
}

size_t count(const Lives& lives) {
  size_t sum = 0;
  for (const auto& life : lives) sum += life.size();
  return sum;
}

std::map<std::string, Lives> figures_of(const Json& row) {
  std::map<std::string, Lives> figures;
  for (const Json& life : row.at("lives"))
    for (const auto& [name, samples] : life.at("samples").items())
      if (!samples.empty()) figures[name].push_back(samples.get<std::vector<double>>());
  return figures;
}

Difference::Verdict judge(const RatioInterval& interval, const FigureSpec* spec) {
  if (!interval.differs) return Difference::Verdict::noise;
  if (spec == nullptr || spec->better == Better::neither) return Difference::Verdict::other;
  const bool more = interval.ratio > 1;
  return more == (spec->better == Better::more) ? Difference::Verdict::better : Difference::Verdict::worse;
}

}  // namespace

RatioInterval bootstrap_ratio(const Lives& a, const Lives& b, uint64_t seed, int rounds, double confidence) {
  RatioInterval interval;
  const double base = median_of_all(a);
  if (base == 0) return interval;
  interval.ratio = interval.low = interval.high = median_of_all(b) / base;
  if (count(a) < 2 || count(b) < 2) return interval;
  std::mt19937_64 random(seed);
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    const double below = median_of_all(redrawn(a, random)), above = median_of_all(redrawn(b, random));
    if (below != 0) ratios.push_back(above / below);
  }
  if (ratios.empty()) return interval;
  std::sort(ratios.begin(), ratios.end());
  const auto at = [&](double share) {
    return ratios[static_cast<size_t>(share * static_cast<double>(ratios.size() - 1) + 0.5)];
  };
  interval.low = at((1 - confidence) / 2);
  interval.high = at((1 + confidence) / 2);
  interval.differs = interval.low > 1 || interval.high < 1;
  return interval;
}

std::vector<Difference> compare_results(const Json& a, const Json& b) {
  const auto one = a.at("experiment").get<std::string>(), other = b.at("experiment").get<std::string>();
  if (one != other) fail("one is a result of '{}', the other of '{}': compare two of the same experiment", one, other);
  std::map<std::string, const Json*> rows;
  for (const Json& row : b.at("rows")) rows[row.at("row").get<std::string>()] = &row;
  std::vector<Difference> result;
  for (const Json& row : a.at("rows")) {
    const auto name = row.at("row").get<std::string>();
    const auto found = rows.find(name);
    if (found == rows.end()) continue;
    const auto theirs = figures_of(*found->second);
    for (const auto& [figure, lives] : figures_of(row)) {
      const auto match = theirs.find(figure);
      if (match == theirs.end()) continue;
      Difference difference{name, figure, bootstrap_ratio(lives, match->second)};
      difference.verdict = judge(difference.interval, find_figure(figure));
      difference.one_life = lives.size() < 2 || match->second.size() < 2;
      result.push_back(difference);
    }
  }
  if (result.empty()) fail("no row is in both results: were they measured with the same --scale?");
  return result;
}

const char* verdict_name(Difference::Verdict verdict) noexcept {
  switch (verdict) {
    case Difference::Verdict::better:
      return "better";
    case Difference::Verdict::worse:
      return "worse";
    case Difference::Verdict::other:
      return "differs";
    case Difference::Verdict::noise:
      break;
  }
  return "noise";
}

}  // namespace roost::experiment
