// SPDX-License-Identifier: BSD-3-Clause
// Random changes of a manager that works, from a seed: of its chains, rules, ports, NFs, services and settings. Some
// must be refused, and change nothing. What a change is must be known here, so that each has one answer.
//
// Untouched stay the port "steady", whose packets a rule sends to chain "s", and that chain. What is changed are port
// "restless", services r0 to r3, and chains of theirs to the ports "sink" and "other".
#pragma once

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/manager_process.h"

namespace roost::test {

class RandomChanges {
 public:
  using Strings = std::vector<std::string>;

  RandomChanges(ManagerProcess& manager, uint64_t seed) : manager_(manager), random_(seed) {}

  // From now on a rule, and nothing else, sends what "steady" receives to chain "s"; by its port it would go astray.
  void guard();
  void one();

  uint32_t guard_rule() const noexcept { return guard_; }
  uint32_t late() const noexcept { return late_; }  // changes refused since NFs did not get to their packets in time
  std::string counts() const;
  static const Strings& services();  // that change

 private:
  // A rule to come: its text, and the chain that it names, if any.
  using NewRule = std::pair<std::string, std::string>;

  uint32_t pick(size_t below) { return static_cast<uint32_t>(random_() % below); }
  const std::string& pick(const Strings& list) { return list[pick(list.size())]; }
  Strings hops();
  std::vector<uint32_t> nfs_of(const std::string& of);
  Json call(const char* what, const char* method, Json parameters);
  void refused(const char* what, const char* method, const Json& parameters);

  void scale();
  void spawn();
  void stop();
  void upgrade();
  void broken_upgrade();
  void add_chain();
  void change_chain();
  void remove_chain();
  void move_port();

  NewRule random_rule();
  std::vector<NewRule> some_rules();
  uint32_t any_rule();
  uint32_t add(const char* what, const std::vector<NewRule>& rules, Json request, Strings texts = {});
  void add_rules();
  void replace_rule();
  void replace_guard();
  void replace_all_rules();
  void remove_rules();
  void broken_rules();
  void tune();

  ManagerProcess& manager_;
  std::mt19937_64 random_;
  Strings chains_{"r"};
  std::string current_ = "r";  // of "restless"
  uint32_t made_ = 0, guard_ = 0, late_ = 0;
  std::map<uint32_t, std::string> rules_;  // the chain that each names, or nothing
  std::map<std::string, uint64_t> counts_;
};

}  // namespace roost::test
