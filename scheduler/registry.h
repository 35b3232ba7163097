// SPDX-License-Identifier: BSD-3-Clause
// Who lives where: hosts, and the groups of NFs in them, found by number, by host, by service and by tenant. Every
// operation costs what it returns or changes, times O(log N). Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/own_settings.h"
#include "scheduler/host_link.h"
#include "scheduler/range_allocator.h"

namespace roost {

struct NfOrigin;

// NFs that were started together in one host: their numbers and places follow one another.
struct NfGroup {
  uint32_t first = 0, count = 0;
  uint32_t host = 0;
  uint32_t place = 0;  // of the first, in the host
  uint16_t service = 0;
  uint8_t slot_shift = 0;  // log2 of how many packets may wait for each
  std::string module{};
  std::shared_ptr<const NfOrigin> origin{};  // what they were started from
  uint32_t weight = 0;                       // of each
  OwnSettings own{};                         // of these NFs
  OwnSettings settings{};                    // these, and what they lack from their service's
};

class Registry {
 public:
  using Hosts = std::map<uint32_t, std::unique_ptr<HostLink>>;  // by number
  using Groups = std::map<uint32_t, NfGroup>;                   // by first NF

  Registry(uint32_t hosts_max, uint32_t nfs_max, size_t services)
      : hosts_max_(hosts_max),
        nfs_max_(nfs_max),
        host_numbers_(hosts_max),
        nf_numbers_(nfs_max),
        groups_of_service_(services) {}

  // Hosts. A number is taken before there is a host, and given back by remove_host(), or by whoever made none.
  uint32_t take_host_number();  // throws Error
  void give_host_number_back(uint32_t number) { host_numbers_.give_back(number, 1); }
  HostLink& add_host(std::unique_ptr<HostLink> host);
  void close_host(HostLink& host);  // it gets no further NFs
  void move_host(HostLink& host, uint32_t core);
  void remove_host(uint32_t number);  // with the groups that it still has
  HostLink* find_host(uint32_t number);
  // One of this tenant and domain in tier fiber on that core, with room for so many more NFs; null: there is none.
  HostLink* fiber_host(const std::string& tenant, uint32_t core, uint32_t count, uint8_t domain = 0);
  HostLink* host_on_dedicated(uint32_t core);  // null: the core is free

  // NFs. Room is reserved before the host is asked to start them, and given back where it does not.
  // `kept`: the first of numbers that take_away() left.
  NfGroup reserve(HostLink& host, uint32_t count, uint16_t service, uint8_t slot_shift,
                  std::optional<uint32_t> kept = std::nullopt);  // throws Error
  // As take_away() leaves them, for NFs of a manager before this one. False: they are not free.
  bool take_numbers(uint32_t first, uint32_t count) { return nf_numbers_.take_at(first, count); }
  void give_back(HostLink& host, const NfGroup& group, bool with_numbers = true);
  const NfGroup& add_group(NfGroup group);
  void remove_group(uint32_t first);
  NfGroup take_away(uint32_t first);  // removes it; its numbers stay taken, until somebody gives them back
  void give_numbers_back(uint32_t first, uint32_t count) { nf_numbers_.give_back(first, count); }
  void settle_group(uint32_t first, const OwnSettings& own, const OwnSettings& settings, uint32_t weight);
  void split_group(uint32_t at);  // makes `at` the first NF of a group, if it is in one
  const NfGroup* group_of(uint32_t nf) const;
  const NfGroup& group(uint32_t first) const { return groups_.at(first); }
  // First NFs of groups.
  std::vector<uint32_t> groups_within(uint32_t first, uint32_t count) const;
  const std::set<uint32_t>& groups_of_service(uint16_t service) const { return groups_of_service_[service]; }

  const Hosts& hosts() const noexcept { return hosts_; }
  const Groups& groups() const noexcept { return groups_; }
  uint32_t nfs() const noexcept { return nfs_; }
  uint32_t hosts_max() const noexcept { return hosts_max_; }
  uint32_t nfs_max() const noexcept { return nfs_max_; }

 private:
  const uint32_t hosts_max_, nfs_max_;
  Hosts hosts_;
  using Place = std::tuple<std::string, uint8_t, uint32_t>;  // tenant, domain, core
  static Place place_of(const HostLink& host) { return {host.tenant, host.domain, host.core}; }
  std::map<Place, std::set<uint32_t>> fiber_hosts_;  // open ones
  std::map<uint32_t, HostLink*> on_dedicated_;       // by core
  NfGroup remove(uint32_t first, bool with_numbers);

  RangeAllocator host_numbers_, nf_numbers_;
  Groups groups_;
  std::vector<std::set<uint32_t>> groups_of_service_;
  uint32_t nfs_ = 0;
};

}  // namespace roost
