// SPDX-License-Identifier: BSD-3-Clause
// Chains that come, change and go while packets go through them, and who uses them. The loop takes a change between two
// packets; flows of other chains don't notice.
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "scheduler/manager.h"
#include "scheduler/names.h"

namespace roost {
namespace {

template <typename Items>
std::string listed(const Items& items) {
  return items.empty() ? "none" : fmt::format("{}", fmt::join(items, ", "));
}

}  // namespace

Manager::Chain& Manager::chain_of(const std::string& name) {
  if (const auto found = chains_.find(name); found != chains_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [each, chain] : chains_) names.push_back(each);
  fail("chain '{}': there is none; chains here: {}", name, listed(names));
}

uint16_t Manager::port_number(const std::string& name) const {
  if (const auto found = ports_.find(name); found != ports_.end()) return found->second;
  fail("port '{}': there is none; ports here: {}", name, listed(port_names_));
}

// As the loop takes it. Throws Error for what no chain can be.
ChainState Manager::chain_state(const std::string& name, const std::vector<std::string>& services,
                                const std::string& out) const {
  if (const auto problem = chain_problem(name, services)) fail("{}", *problem);
  ChainState state{name, {}, 0};
  for (const auto& service : services) {
    if (!services_.contains(service))
      fail("chain '{}': there is no service '{}'; services here: {}", name, service, listed(service_names_));
    state.services.push_back(services_.at(service));
  }
  if (!ports_.contains(out))
    fail("chain '{}': there is no port '{}' to leave by; ports here: {}", name, out, listed(port_names_));
  state.out_port = ports_.at(out);
  return state;
}

std::vector<std::string> Manager::ports_of(const std::string& chain) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < port_names_.size(); ++i)
    if (port_chains_[i] == chain) names.push_back(port_names_[i]);
  return names;
}

Json Manager::chain_report(const std::string& name) const {
  const Chain& chain = chains_.at(name);
  return {{"name", name}, {"services", chain.services}, {"out", chain.out}};
}

Json Manager::chains() {
  Json list = Json::array();
  for (const auto& [name, chain] : chains_) {
    Json entry = chain_report(name);
    entry["ports"] = ports_of(name);
    Json without = Json::array();
    for (const auto& service : chain.services)
      if (nfs_of(services_.at(service)) == 0) without.push_back(service);
    entry["services_without_nfs"] = without;
    list.push_back(std::move(entry));
  }
  loops_->together([&] {
    for (Json& entry : list)
      entry["paths"] = loop().chains().paths(chains_.at(entry["name"].get_ref<const std::string&>()).number);
  });
  return {{"chains", list}};
}

Json Manager::add_chain(const std::string& name, const std::vector<std::string>& services, const std::string& out) {
  if (chains_.contains(name)) fail("chain '{}': there is one of that name already; 'roost chain set' changes it", name);
  if (!is_name(name)) fail("chain '{}': not a name; use 1 to {} letters, digits, '-', '_' and '.'", name, kNameMax);
  ChainState state = chain_state(name, services, out);
  std::optional<uint16_t> number;
  std::string problem;
  loops_->together([&] {
    try {
      number = loop().chains().add(std::move(state));
    } catch (const Error& error) {
      problem = error.what();
    }
  });
  if (!number) fail("{}", problem);
  chains_[name] = {*number, services, out};
  note(fmt::format("chain '{}' is there: {}, out of {}", name, fmt::join(services, " > "), out), EventKind::chain);
  return chain_report(name);
}

Json Manager::change_chain(const std::string& name, const std::optional<std::vector<std::string>>& services,
                           const std::optional<std::string>& out) {
  Chain& chain = chain_of(name);
  Chain changed{chain.number, services.value_or(chain.services), out.value_or(chain.out)};
  ChainState state = chain_state(name, changed.services, changed.out);
  std::string problem;
  loops_->together([&] {
    try {
      loop().chains().change(chain.number, std::move(state));
      loops_->one_by_one([](DataLoop& each) { each.look_at_flows_again(); });
    } catch (const Error& error) {
      problem = error.what();
    }
  });
  if (!problem.empty()) fail("{}", problem);
  chain = std::move(changed);
  note(fmt::format("chain '{}' is now {}, out of {}", name, fmt::join(chain.services, " > "), chain.out),
       EventKind::chain);
  return chain_report(name);
}

void Manager::remove_chain(const std::string& name) {
  const Chain& chain = chain_of(name);
  if (const auto users = ports_of(name); !users.empty())
    fail(
        "chain '{}': what these ports receive goes by it: {}; give them another first: 'roost port set {} --chain "
        "OTHER', or --no-chain",
        name, fmt::join(users, ", "), users.front());
  if (const uint32_t rules = rules_.names_chain(chain.number); rules != 0)
    fail("chain '{}': {} rules send packets there; delete them first: 'roost rule list' shows them", name, rules);
  loops_->together([&] {
    loop().chains().remove(chain.number);
    loops_->one_by_one([](DataLoop& each) { each.look_at_flows_again(); });
  });
  chains_.erase(name);
  note(fmt::format("chain '{}' is gone", name), EventKind::chain);
}

void Manager::set_chain_of_port(const std::string& port, const std::string& chain) {
  const uint16_t number = port_number(port);
  const int to = chain.empty() ? -1 : chain_of(chain).number;
  loops_->each([&](DataLoop& each) {
    each.set_chain_of_port(number, to);
    each.look_at_flows_again();
  });
  port_chains_[number] = chain;
  note(chain.empty() ? fmt::format("port '{}': what it receives is dropped from now on", port)
                     : fmt::format("port '{}': what it receives goes by chain '{}'", port, chain),
       EventKind::chain);
}

}  // namespace roost
