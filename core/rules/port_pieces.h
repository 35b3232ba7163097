// SPDX-License-Identifier: BSD-3-Clause
// A match with port ranges, cut into values under masks.
#pragma once

#include <vector>

#include "core/rules/match.h"

namespace roost {

// `split`: also the ranges that are a half (core/rules/port_halves.h), and each piece says in which half it lies, if in
// one: to be held against the pieces of others.
std::vector<MaskedWords> port_pieces(const RuleMatch& match, bool split);

}  // namespace roost
