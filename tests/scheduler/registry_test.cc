// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/registry.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace roost {
namespace {

class RegistryTest : public testing::Test {
 protected:
  HostLink& host(Tier tier = Tier::fiber, const std::string& tenant = "t", uint32_t core = 0, bool dedicated = false) {
    auto made = std::make_unique<HostLink>(registry.take_host_number(), HostLayout{.nfs_max = 8});
    made->tier = tier;
    made->tenant = tenant;
    made->core = core;
    made->on_dedicated = dedicated;
    return registry.add_host(std::move(made));
  }
  uint32_t group(HostLink& in, uint32_t count, uint16_t service = 0) {
    return registry.add_group(registry.reserve(in, count, service, 4)).first;
  }

  Registry registry{4, 20, 2};
};

TEST_F(RegistryTest, GroupsAreFoundByNumberHostAndService) {
  HostLink &a = host(), &b = host(Tier::process);
  EXPECT_EQ(group(a, 3, 0), 0U);
  EXPECT_EQ(group(b, 1, 1), 3U);
  EXPECT_EQ(group(a, 2, 1), 4U);
  EXPECT_EQ(registry.nfs(), 6U);
  EXPECT_EQ(registry.group_of(2)->first, 0U);
  EXPECT_EQ(registry.group_of(5)->host, a.id);
  EXPECT_EQ(registry.group_of(6), nullptr);
  EXPECT_EQ(a.groups, (std::set<uint32_t>{0, 4}));
  EXPECT_EQ(registry.groups_of_service(1), (std::set<uint32_t>{3, 4}));
  registry.remove_host(a.id);
  EXPECT_EQ(registry.find_host(0), nullptr);
  EXPECT_EQ(registry.nfs(), 1U);
  EXPECT_EQ(registry.groups_of_service(1), (std::set<uint32_t>{3}));
  EXPECT_EQ(registry.group_of(0), nullptr);
  EXPECT_EQ(host().id, 0U);  // numbers are used again
}

TEST_F(RegistryTest, AHostThatMovesIsFoundOnItsNewCore) {
  HostLink &fibers = host(), &process = host(Tier::process), &closed = host(Tier::fiber, "u");
  registry.close_host(closed);
  for (HostLink* each : {&fibers, &process, &closed}) registry.move_host(*each, 1);
  EXPECT_EQ(registry.fiber_host("t", 0, 1), nullptr);
  EXPECT_EQ(registry.fiber_host("t", 1, 1), &fibers);
  EXPECT_EQ(registry.fiber_host("u", 1, 1), nullptr);
  EXPECT_EQ(registry.fiber_host("t", 1, 1, 1), nullptr);  // of another domain
  EXPECT_EQ(process.core, 1U);
  EXPECT_EQ(process.moves, 1U);
  registry.remove_host(fibers.id);
  EXPECT_EQ(registry.fiber_host("t", 1, 1), nullptr);
}

TEST_F(RegistryTest, NumbersOfNfsThatComeBackStayTheirs) {
  HostLink& dead = host();
  group(dead, 2);
  group(dead, 3, 1);
  const NfGroup away = registry.take_away(2);
  EXPECT_EQ(away.count, 3U);
  EXPECT_EQ(registry.nfs(), 2U);
  registry.remove_host(dead.id);
  HostLink& next = host();
  EXPECT_EQ(group(next, 2), 0U) << "free again";
  EXPECT_EQ(group(next, 1), 5U) << "those of the others are not";
  const NfGroup back = registry.reserve(next, 3, 1, 4, away.first);
  EXPECT_EQ(back.first, 2U);
  registry.give_back(next, back, false);
  EXPECT_EQ(group(next, 1), 6U);
  EXPECT_EQ(registry.add_group(registry.reserve(next, 3, 1, 4, away.first)).first, 2U);
  EXPECT_EQ(registry.group_of(4)->host, next.id);
  registry.remove_group(2);
  EXPECT_EQ(group(next, 3), 2U) << "as any others now";
}

TEST_F(RegistryTest, ASplitGroupStaysWhereItIs) {
  HostLink& a = host();
  group(a, 6, 1);
  registry.split_group(2);
  registry.split_group(2);
  registry.split_group(5);
  registry.split_group(6);   // behind the last one
  registry.split_group(19);  // where there is none
  EXPECT_EQ(registry.groups_within(1, 4), (std::vector<uint32_t>{2}));
  EXPECT_EQ(registry.groups_within(0, 6), (std::vector<uint32_t>{0, 2, 5}));
  EXPECT_EQ(a.groups, registry.groups_of_service(1));
  const NfGroup& middle = registry.group(2);
  EXPECT_EQ(middle.count, 3U);
  EXPECT_EQ(middle.place, 2U);
  registry.remove_group(2);
  EXPECT_EQ(a.nfs, 3U);
  EXPECT_EQ(group(a, 3), 2U);  // its number and place are free
}

TEST_F(RegistryTest, AHostKnowsTheWeightAndTheDemandsOfItsNfs) {
  HostLink& a = host();
  NfGroup made = registry.reserve(a, 4, 0, 4);
  made.weight = 100;
  const uint32_t first = registry.add_group(made).first;
  EXPECT_EQ(a.weight, 400U);
  registry.split_group(first + 1);
  EXPECT_EQ(a.weight, 400U);
  OwnSettings own;
  own.set(Setting::weight, 250);
  own.set(Setting::spin_us, 70);
  registry.settle_group(first, own, own, 250);
  EXPECT_EQ(a.weight, 550U);
  EXPECT_EQ(registry.group(first).weight, 250U);
  EXPECT_EQ(registry.group(first + 1).weight, 100U);
  EXPECT_EQ(a.demands.strictest(a.nfs, Settings()).spin_us, 70U);
  registry.remove_group(first);
  EXPECT_EQ(a.weight, 300U);
  EXPECT_EQ(a.demands.strictest(a.nfs, Settings()), HostSettings());
}

TEST_F(RegistryTest, TenantsFindTheirOwnOpenHostWithRoom) {
  HostLink &a = host(), &other = host(Tier::fiber, "u"), &process = host(Tier::process);
  EXPECT_EQ(registry.fiber_host("t", 0, 8), &a);
  EXPECT_EQ(registry.fiber_host("t", 1, 1), nullptr);
  EXPECT_EQ(registry.fiber_host("u", 0, 1), &other);
  EXPECT_EQ(registry.fiber_host("v", 0, 1), nullptr);
  group(a, 6);
  EXPECT_EQ(registry.fiber_host("t", 0, 3), nullptr);
  EXPECT_EQ(registry.fiber_host("t", 0, 2), &a);
  registry.close_host(a);
  registry.close_host(a);
  registry.close_host(process);
  EXPECT_EQ(registry.fiber_host("t", 0, 2), nullptr);
}

TEST_F(RegistryTest, ADedicatedCoreHasOneHost) {
  EXPECT_EQ(registry.host_on_dedicated(3), nullptr);
  HostLink& a = host(Tier::process, "t", 3, true);
  host(Tier::process, "t", 2);
  EXPECT_EQ(registry.host_on_dedicated(3), &a);
  EXPECT_EQ(registry.host_on_dedicated(2), nullptr);
  registry.remove_host(a.id);
  EXPECT_EQ(registry.host_on_dedicated(3), nullptr);
}

TEST_F(RegistryTest, WhatDoesNotFitTakesNothing) {
  HostLink& a = host();
  EXPECT_THROW(registry.reserve(a, 9, 0, 0), Error);  // places
  for (HostLink* each : {&host(), &host()}) group(*each, 8);
  EXPECT_THROW(registry.reserve(a, 5, 0, 0), Error);  // numbers
  const NfGroup reserved = registry.reserve(a, 4, 0, 4);
  registry.give_back(a, reserved);
  EXPECT_EQ(group(a, 4), reserved.first);
  host();
  EXPECT_THROW(registry.take_host_number(), Error);
}

}  // namespace
}  // namespace roost
