// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/flow_picker.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"

namespace roost {
namespace {

constexpr uint32_t kPicksMin = 1U << 16;
constexpr uint32_t kPicksMax = 1U << 22;

// Walker's alias table (Vose's way of building it): a draw costs one random number and one row.
struct AliasRow {
  double keep;  // the part of the row that is its own; the rest is alias's
  uint32_t alias;
};

std::vector<AliasRow> alias_table(uint32_t flows, double zipf_s) {
  std::vector<AliasRow> rows(flows);
  double total = 0;
  for (uint32_t k = 0; k < flows; ++k) total += rows[k].keep = std::pow(k + 1.0, -zipf_s);
  std::vector<uint32_t> small;
  std::vector<uint32_t> large;
  for (uint32_t k = 0; k < flows; ++k) {
    rows[k].keep *= flows / total;
    rows[k].alias = k;
    (rows[k].keep < 1.0 ? small : large).push_back(k);
  }
  while (!small.empty() && !large.empty()) {
    const uint32_t poor = small.back();
    const uint32_t rich = large.back();
    small.pop_back();
    rows[poor].alias = rich;
    rows[rich].keep -= 1.0 - rows[poor].keep;
    if (rows[rich].keep < 1.0) {
      large.pop_back();
      small.push_back(rich);
    }
  }
  // What rounding left over is full.
  for (const uint32_t k : small) rows[k].keep = 1.0;
  for (const uint32_t k : large) rows[k].keep = 1.0;
  return rows;
}

}  // namespace

FlowPicker::FlowPicker(FlowDistribution distribution, uint32_t flows, double zipf_s, uint64_t seed)
    : flows_(flows), state_(seed * 0x9e3779b97f4a7c15ULL + 0x1234567887654321ULL) {
  if (flows == 0 || flows > kGeneratorFlowsMax) {
    fail("flows = {} is out of range; use 1 to {}", flows, kGeneratorFlowsMax);
  }
  if (state_ == 0) state_ = 1;  // the one state that xorshift never leaves
  if (distribution == FlowDistribution::kZipf) {
    if (!(zipf_s >= 0.0 && zipf_s <= kGeneratorZipfMax)) {
      fail("zipf_s = {} is out of range; use 0 to {}", zipf_s, kGeneratorZipfMax);
    }
    draw_zipf(zipf_s);
  }
}

void FlowPicker::draw_zipf(double zipf_s) {
  const std::vector<AliasRow> rows = alias_table(flows_, zipf_s);
  const uint32_t size = std::clamp(std::bit_ceil(std::min(flows_, kPicksMax) * 4), kPicksMin, kPicksMax);
  picks_.resize(size);
  mask_ = size - 1;
  for (uint32_t& pick : picks_) {
    const uint32_t k = below(flows_, random());
    const double part = static_cast<double>(random() >> 11) * 0x1p-53;
    pick = part < rows[k].keep ? k : rows[k].alias;
  }
}

}  // namespace roost
