// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/random_changes.h"

#include <algorithm>
#include <iterator>

namespace roost::test {
namespace {

using Strings = RandomChanges::Strings;

constexpr uint32_t kNfsMost = 6;  // of one of the services that change
const Strings kServices{"r0", "r1", "r2", "r3"};

// Rules that match all of the untouched flows and name their chain. One of them is always there, above all others, most
// of which match those flows as well, and so does what their port says: a moment without it loses packets.
const Strings kGuards{"priority=60000 in=steady chain=s", "priority=60001 in=steady udp chain=s",
                      "priority=60000 in=steady udp dport=53 chain=s",
                      "priority=60002 in=steady vlan=none dscp=0 chain=s"};
const Strings kMatches{"any",          "udp",
                       "ip",           "ipv6",
                       "in=restless",  "in=restless udp sport=1-512",
                       "udp dport=53", "src=10.0.0.0/9",
                       "src=10.0.0.0", "src=2001:2::/48",
                       "vlan=none",    "vlan=7",
                       "dscp=0",       "dscp=ef",
                       "arp",          "eth_src=02:00:00:00:00:02",
                       "icmp",         "in=steady udp sport=1000-1011"};
constexpr size_t kRulesMost = 24;

// What may change without a word about packets. Of `anyones`, services have values of their own, too.
struct Tunable {
  const char* name;
  std::vector<int> values;
  bool anyones = false;
};
const std::vector<Tunable> kTunables{{"wake_packets", {1, 8, 64}, true},
                                     {"wake_deadline_us", {0, 50, 500}, true},
                                     {"spin_us", {0, 20, 100}, true},
                                     {"burst_packets", {1, 7, 64}, true},
                                     {"weight", {50, 100, 200}, true},
                                     {"spin_adaptive", {0, 1}},
                                     {"gather_us", {0, 3, 50}},
                                     {"run_policy", {0, 1}},
                                     {"quantum_us", {1, 10, 100}},
                                     {"awake_max", {1, 4}},
                                     {"wake_ahead", {0, 1}},
                                     {"turn_us", {100, 500, 2000}},
                                     {"share_policy", {0, 1, 2, 3}},
                                     {"rebalance_ms", {0, 100}},
                                     {"idle_us", {0, 200}},
                                     {"idle_poll_us", {100, 1000}},
                                     {"rewake_us", {0, 50}},
                                     {"flow_idle_s", {1, 2, 60}},
                                     {"drain_ms", {10, 30, 100}},
                                     {"sweep_rows", {64, 4096}}};

}  // namespace

const Strings& RandomChanges::services() { return kServices; }

void RandomChanges::guard() {
  guard_ = call("guard", "rule_add", {{"rules", {kGuards[0]}}}).at("first");
  call("port set", "port_set", {{"name", "steady"}, {"chain", "astray"}});  // for what no rule guards
}

void RandomChanges::one() {
  switch (pick(20)) {
    case 0:
    case 1:
      return scale();
    case 2:
      return spawn();
    case 3:
      return stop();
    case 4:
    case 5:
      return upgrade();
    case 6:
      return broken_upgrade();
    case 7:
      return add_chain();
    case 8:
    case 9:
      return change_chain();
    case 10:
      return remove_chain();
    case 11:
      return move_port();
    case 12:
    case 13:
      return add_rules();
    case 14:
      return replace_rule();
    case 15:
      return replace_guard();
    case 16:
      return remove_rules();
    case 17:
      return pick(4) == 0 ? replace_all_rules() : broken_rules();
    default:
      return tune();
  }
}

std::string RandomChanges::counts() const {
  std::string text;
  for (const auto& [what, count] : counts_) text += fmt::format("{} {}, ", what, count);
  return text;
}

RandomChanges::Strings RandomChanges::hops() {
  Strings list = kServices;
  std::shuffle(list.begin(), list.end(), random_);
  list.resize(1 + pick(list.size()));
  return list;
}

std::vector<uint32_t> RandomChanges::nfs_of(const std::string& of) {
  std::vector<uint32_t> ids;
  for (const Json& each : manager_.nfs())
    if (each["service"] == of) ids.push_back(each["id"]);
  return ids;
}

// What must succeed, by the manager's own word; but NFs whose worker gets no processor for seconds can't be stopped so
// that nothing is lost, and the manager refuses that.
Json RandomChanges::call(const char* what, const char* method, Json parameters) {
  ++counts_[what];
  const std::string said = json_text(parameters);
  try {
    return manager_.call(method, std::move(parameters));
  } catch (const std::exception& error) {
    const std::string_view words = error.what();
    if (words.find("are not back after") != words.npos || words.find("in the middle of process()") != words.npos) {
      ++late_;
      return Json::object();
    }
    ADD_FAILURE() << method << " " << said << ": " << error.what();
    return Json::object();
  }
}

void RandomChanges::refused(const char* what, const char* method, const Json& parameters) {
  ++counts_[what];
  EXPECT_NE(manager_.refusal(method, parameters), "") << method << " " << parameters;
}

void RandomChanges::scale() { call("scale", "scale", {{"service", pick(kServices)}, {"nfs", 1 + pick(kNfsMost)}}); }

void RandomChanges::spawn() {
  const std::string of = pick(kServices);
  if (nfs_of(of).size() >= kNfsMost) return scale();
  call("spawn", "spawn",
       {{"module", nf("forward")},
        {"service", of},
        {"count", 1 + pick(2)},
        {"tier", pick(3) == 0 ? "process" : "fiber"}});
}

void RandomChanges::stop() {
  auto ids = nfs_of(pick(kServices));
  if (ids.size() < 2) return scale();
  std::shuffle(ids.begin(), ids.end(), random_);
  ids.resize(1 + pick(ids.size() - 1));
  call("stop", "stop", {{"nfs", ids}});
}

void RandomChanges::upgrade() {
  const Json choices[]{{{"module", nf("forward")}},
                       {{"module", nf("counter")}},
                       {{"module", nf("busy")}, {"config", {{"cycles", 300}}}}};
  Json parameters = choices[pick(3)];
  if (!parameters.contains("config")) parameters["config"] = Json::object();
  parameters["service"] = pick(kServices);
  call("upgrade", "upgrade", parameters);
}

void RandomChanges::broken_upgrade() {
  const std::string of = pick(kServices);
  const auto before = nfs_of(of);
  refused("broken upgrade", "upgrade",
          {{"service", of}, {"module", module("test_crash")}, {"config", {{"at", "start"}}}});
  EXPECT_EQ(nfs_of(of), before);
}

void RandomChanges::add_chain() {
  if (chains_.size() > 12) return remove_chain();
  const std::string name = fmt::format("x{}", ++made_);
  if (pick(4) == 0)
    return refused("broken chain", "chain_add", {{"name", name}, {"services", {"r0", "r1", "r0"}}, {"out", "sink"}});
  call("chain add", "chain_add", {{"name", name}, {"services", hops()}, {"out", pick(2) == 0 ? "sink" : "other"}});
  chains_.push_back(name);
}

void RandomChanges::change_chain() {
  Json parameters{{"name", pick(chains_)}};
  if (pick(4) != 0) parameters["services"] = hops();
  if (pick(2) == 0 || !parameters.contains("services")) parameters["out"] = pick(2) == 0 ? "sink" : "other";
  call("chain set", "chain_set", parameters);
}

void RandomChanges::remove_chain() {
  const uint32_t which = pick(chains_.size());
  const std::string& name = chains_[which];
  if (name == current_ || std::ranges::any_of(rules_, [&](const auto& rule) { return rule.second == name; }))
    return refused("chain in use", "chain_del", {{"name", name}});
  call("chain del", "chain_del", {{"name", chains_[which]}});
  chains_.erase(chains_.begin() + which);
}

void RandomChanges::move_port() {
  current_ = pick(chains_);
  call("port set", "port_set", {{"name", "restless"}, {"chain", current_}});
}

RandomChanges::NewRule RandomChanges::random_rule() {
  const std::string start = fmt::format("priority={} {} ", pick(3), pick(kMatches));
  switch (pick(8)) {
    case 0:
      return {start + "drop", ""};
    case 1:
      return {start + (pick(2) == 0 ? "port=sink" : "port=other"), ""};
    default:
      const std::string& chain = pick(chains_);
      return {start + "chain=" + chain, chain};
  }
}

// Adds them, behind the rules of these texts, by a request that says more.
uint32_t RandomChanges::add(const char* what, const std::vector<NewRule>& rules, Json request, Strings texts) {
  for (const auto& [text, chain] : rules) texts.push_back(text);
  request["rules"] = texts;
  const uint32_t first = call(what, "rule_add", std::move(request)).value("first", 0U);
  for (size_t i = 0; i < rules.size(); ++i)
    rules_[first + static_cast<uint32_t>(texts.size() - rules.size() + i)] = rules[i].second;
  return first;
}

std::vector<RandomChanges::NewRule> RandomChanges::some_rules() {
  std::vector<NewRule> rules(1 + pick(3));
  for (auto& rule : rules) rule = random_rule();
  return rules;
}

uint32_t RandomChanges::any_rule() { return std::next(rules_.begin(), pick(rules_.size()))->first; }

void RandomChanges::add_rules() {
  if (rules_.size() > kRulesMost) return remove_rules();
  if (pick(6) != 0) {
    add("rule add", some_rules(), Json::object());
    return;
  }
  // Ends by itself, so it is not one to be named later, and holds no chain.
  call("rule that ends", "rule_add",
       {{"rules", {fmt::format("priority={} in=restless {} hard=1", pick(5), pick(2) == 0 ? "drop" : "port=sink")}}});
}

void RandomChanges::replace_rule() {
  if (rules_.empty()) return add_rules();
  const uint32_t old = any_rule();
  add("rule replace", some_rules(), {{"replace", {old}}});
  rules_.erase(old);
}

void RandomChanges::replace_guard() {
  guard_ = call("guard replace", "rule_add", {{"rules", {pick(kGuards)}}, {"replace", {guard_}}}).value("first", 0U);
}

void RandomChanges::replace_all_rules() {
  rules_.clear();
  guard_ = add("rule replace all", some_rules(), {{"replace_all", true}}, {pick(kGuards)});
}

void RandomChanges::remove_rules() {
  std::vector<uint32_t> ids;
  for (uint32_t most = 1 + pick(4); !rules_.empty() && ids.size() < most;) {
    ids.push_back(any_rule());
    rules_.erase(ids.back());
  }
  if (ids.empty()) return add_rules();
  call("rule del", "rule_del", {{"ids", ids}});
}

void RandomChanges::broken_rules() {
  const Json before = manager_.call("rule_show", {{"id", guard_}}).at("match");
  refused("broken rules", "rule_add", {{"rules", {"any drop", "tcp icmp_type=8 drop"}}, {"replace", {guard_}}});
  refused("broken rules", "rule_add", {{"rules", {"any drop"}}, {"replace", {guard_, 4'000'000'000U}}});
  refused("broken rules", "rule_del", {{"ids", {guard_, 4'000'000'000U}}});
  EXPECT_EQ(manager_.call("rule_show", {{"id", guard_}}).at("match"), before);
}

void RandomChanges::tune() {
  const Tunable& tunable = kTunables[pick(kTunables.size())];
  Json where{{"name", tunable.name}};
  if (tunable.anyones && pick(2) == 0) where["service"] = pick(2) == 0 ? pick(kServices) : pick(2) == 0 ? "s0" : "s1";
  if (pick(8) == 0) {
    where["value"] = -1;
    return refused("broken setting", "set", where);
  }
  if (pick(5) == 0) {
    call("unset", "unset", where);
    return;
  }
  where["value"] = tunable.values[pick(tunable.values.size())];
  call("set", "set", where);
}

}  // namespace roost::test
