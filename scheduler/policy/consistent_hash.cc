// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/consistent_hash.h"

namespace roost {

// Names as in the paper: rows_[b].members_left is A[b], successor K[b], working_ W, place_ L, removed_ R, members_ N.

bool ConsistentHash::add(uint32_t id) {
  const uint32_t fresh = removed_.empty() ? static_cast<uint32_t>(rows_.size()) : removed_.back();
  if (!bucket_of_.emplace(id, fresh).second) return false;
  if (removed_.empty()) {
    // All buckets are members': one more is the anchor's next, which so far counted as removed first of all.
    rows_.push_back({0, fresh, id});
    working_.push_back(fresh);
    place_.push_back(fresh);
    ++members_;
    return true;
  }
  removed_.pop_back();
  place_[working_[members_]] = members_;
  working_[place_[fresh]] = fresh;
  rows_[fresh] = {0, fresh, id};
  ++members_;
  return true;
}

bool ConsistentHash::remove(uint32_t id) {
  const auto found = bucket_of_.find(id);
  if (found == bucket_of_.end()) return false;
  const uint32_t bucket = found->second;
  bucket_of_.erase(found);
  --members_;
  if (members_ == 0) {
    // The last one: with nobody left to send keys to, everything starts anew.
    rows_.clear();
    working_.clear();
    place_.clear();
    removed_.clear();
    return true;
  }
  removed_.push_back(bucket);
  const uint32_t last = working_[members_];
  working_[place_[bucket]] = last;
  place_[last] = place_[bucket];
  rows_[bucket] = {members_, last, kNone};
  return true;
}

}  // namespace roost
