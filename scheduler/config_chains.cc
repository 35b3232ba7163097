// SPDX-License-Identifier: BSD-3-Clause
// [[services]], [[chains]], and what names what.
#include <algorithm>

#include "core/error.h"
#include "core/own_settings.h"
#include "core/path.h"
#include "scheduler/config_parts.h"
#include "scheduler/names.h"
#include "scheduler/policy/core_queue.h"

namespace roost {
namespace {

constexpr int64_t kWeightMost = 1'000'000;
constexpr size_t kServicesMax = 32'768;  // verdicts and records hold 16 bits
constexpr size_t kChainsMax = 32'768;

template <typename Item>
std::vector<std::string_view> names_of(const std::vector<Item>& items) {
  std::vector<std::string_view> names;
  for (const Item& item : items) names.push_back(item.name);
  return names;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void read_hops(TableReader& reader, const std::vector<std::string_view>& known, ManagerConfig::Chain& chain) {
  const toml::array* hops = reader.array("services");
  if (hops == nullptr || hops->empty() || hops->size() > kHopsMax) {
    const auto& at = reader.where("services");
    if (hops != nullptr && hops->size() > kHopsMax) {
      reader.problems().add(at, "{}: {} services; a chain has {} hops at most", reader.name(), hops->size(), kHopsMax);
    } else if (hops != nullptr || !reader.has("services")) {
      reader.problems().add(at, "{}: no services; list at least one", reader.name());
    }
    return;
  }
  for (const toml::node& hop : *hops) {
    const auto* name = hop.as_string();
    if (name == nullptr) {
      reader.problems().add(hop.source(), "{}: services lists what is no name; give names in quotes", reader.name());
    } else if (!contains(known, name->get())) {
      reader.problems().add(hop.source(), "{}: there is no service '{}'{}", reader.name(), name->get(),
                            suggestion(name->get(), known));
    } else {
      if (std::find(chain.services.begin(), chain.services.end(), name->get()) != chain.services.end())
        reader.problems().add(hop.source(), "{}: a loop: it comes to service '{}' twice; name it once", reader.name(),
                              name->get());
      chain.services.push_back(name->get());
    }
  }
}

void read_out(TableReader& reader, const std::vector<std::string_view>& known, ManagerConfig::Chain& chain) {
  const auto out = reader.text("out");
  chain.out = out.value_or("");
  if (out && !contains(known, *out)) {
    reader.problems().add(reader.where("out"), "{}: there is no port '{}'{}", reader.name(), *out,
                          suggestion(*out, known));
  } else if (!out && !reader.has("out")) {
    reader.problems().add(reader.where(), "{}: out isn't given; name the port that packets leave by", reader.name());
  }
}

// A service's own, of the settings that allow it.
void read_own_settings(TableReader& reader, std::map<std::string, uint64_t>& settings) {
  const toml::table* table = reader.table("settings");
  if (table == nullptr) return;
  for (const auto& [key, node] : *table) {
    const std::string name(key.str());
    const auto* value = node.as_integer();
    try {
      const Setting setting = Settings::find(name);
      if (value == nullptr) fail("setting '{}' isn't a whole number; settings are", name);
      if (value->get() < 0) fail("setting '{}': {} is negative", name, value->get());
      OwnSettings().set(setting, static_cast<uint64_t>(value->get()));
      settings[name] = static_cast<uint64_t>(value->get());
    } catch (const Error& error) {
      reader.problems().add(key.source(), "{}: {}", reader.name(), error.what());
    }
  }
}

}  // namespace

std::string read_name(TableReader& reader, std::string_view kind, std::vector<std::string>& taken) {
  const auto name = reader.text("name");
  if (!name) {
    if (!reader.has("name")) {
      reader.problems().add(reader.where(), "{}: name isn't given; give each {} one", kind, kind);
    }
    return "";
  }
  reader.rename(fmt::format("{} '{}'", kind, *name));
  if (!is_name(*name)) {
    reader.problems().add(reader.where("name"), "{}: not a name; use 1 to {} letters, digits, '-', '_' and '.'",
                          reader.name(), kNameMax);
  } else if (std::find(taken.begin(), taken.end(), *name) != taken.end()) {
    reader.problems().add(reader.where("name"), "{}: there is one of that name already; choose another", reader.name());
  }
  taken.push_back(*name);
  return *name;
}

void read_tenants(TableReader& root, ManagerConfig& config) {
  std::vector<std::string> names;
  for (const toml::table* table : root.tables("tenants")) {
    TableReader reader(*table, "tenant", root.problems());
    ManagerConfig::Tenant tenant{read_name(reader, "tenant", names), kStandardWeight, {}};
    if (const auto weight = reader.integer("weight", 1, kWeightMost)) tenant.weight = static_cast<uint32_t>(*weight);
    tenant.user = read_user(reader);
    reader.finish();
    config.tenants.push_back(std::move(tenant));
  }
}

void read_services_and_chains(TableReader& root, ManagerConfig& config) {
  std::vector<std::string> names;
  for (const toml::table* table : root.tables("services")) {
    TableReader reader(*table, "service", root.problems());
    ManagerConfig::Service& service = config.services.emplace_back();
    service.name = read_name(reader, "service", names);
    if (const auto priority = reader.integer("priority", 0, kPriorities - 1))
      service.priority = static_cast<uint32_t>(*priority);
    read_own_settings(reader, service.settings);
    service.domain = read_domain(reader, config.domains);
    constexpr std::string_view kPolicies[] = {"never", "on-failure", "always"};  // in the order of RestartPolicy
    if (const auto policy = reader.choice("restart", kPolicies)) {
      if (service.settings.contains("restart_policy"))
        reader.problems().add(reader.where("restart"),
                              "{}: restart is given as the setting restart_policy, too; leave one out", reader.name());
      service.settings["restart_policy"] = *policy;
    }
    reader.finish();
  }
  if (config.services.size() > kServicesMax) {
    root.problems().add(root.where("services"), "{} services; {} is the most", config.services.size(), kServicesMax);
  }
  names.clear();
  const auto services = names_of(config.services);
  const auto ports = names_of(config.ports);
  const auto chain_tables = root.tables("chains");
  for (const toml::table* table : chain_tables) {
    TableReader reader(*table, "chain", root.problems());
    ManagerConfig::Chain chain;
    chain.name = read_name(reader, "chain", names);
    read_hops(reader, services, chain);
    read_out(reader, ports, chain);
    reader.finish();
    config.chains.push_back(std::move(chain));
  }
  if (config.chains.size() > kChainsMax) {
    root.problems().add(root.where("chains"), "{} chains; {} is the most", config.chains.size(), kChainsMax);
  }
  const auto chains = names_of(config.chains);
  const auto port_tables = root.tables("ports");
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const std::string& chain = config.ports[i].chain;
    if (chain.empty() || contains(chains, chain)) continue;
    root.problems().add(port_tables[i]->get("chain")->source(), "port '{}': there is no chain '{}'{}",
                        config.ports[i].name, chain, suggestion(chain, chains));
  }
}

}  // namespace roost
