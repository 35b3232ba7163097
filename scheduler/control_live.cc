// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/control_live.h"

#include <map>

#include "scheduler/control_parameters.h"

namespace roost {
namespace {

using Names = std::vector<std::string>;

Json scaled(const std::string& service, const Manager::Scaled& scaled) {
  return {{"service", service},
          {"was", scaled.was},
          {"nfs", scaled.was + scaled.started - scaled.stopped},
          {"started", scaled.started},
          {"stopped", scaled.stopped}};
}

Json scale(Manager& manager, const Json& parameters) {
  const auto service = required(parameters, "service");
  if (!parameters.contains("nfs")) throw BadParameters("'nfs' is missing: how many NFs the service shall have");
  return scaled(service, manager.scale(service, parameter<uint32_t>(parameters, "nfs", 0)));
}

Json upgrade(Manager& manager, const Json& parameters) {
  const auto service = required(parameters, "service"), module = required(parameters, "module");
  std::optional<Json> config;
  if (parameters.contains("config")) config = parameters["config"];
  Json answer = scaled(service, manager.upgrade(service, module, config));
  answer["module"] = module;
  return answer;
}

Json chain_add(Manager& manager, const Json& parameters) {
  return manager.add_chain(required(parameters, "name"), parameter<Names>(parameters, "services", {}),
                           required(parameters, "out"));
}

Json chain_set(Manager& manager, const Json& parameters) {
  const auto name = required(parameters, "name");
  std::optional<Names> services;
  std::optional<std::string> out;
  if (parameters.contains("services")) services = parameter<Names>(parameters, "services", {});
  if (parameters.contains("out")) out = required(parameters, "out");
  if (!services && !out) throw BadParameters("say what is to change: services, out, or both");
  return manager.change_chain(name, services, out);
}

Json chain_del(Manager& manager, const Json& parameters) {
  manager.remove_chain(required(parameters, "name"));
  return Json::object();
}

Json port_set(Manager& manager, const Json& parameters) {
  const auto name = required(parameters, "name");
  const auto chain = parameter<std::string>(parameters, "chain", "");
  manager.set_chain_of_port(name, chain);
  return {{"name", name}, {"chain", chain.empty() ? Json() : Json(chain)}};
}

Json events(Manager& manager, const Json& parameters) {
  return manager.events(parameter<uint64_t>(parameters, "after", 0), parameter<uint32_t>(parameters, "limit", 1'000));
}

const std::map<std::string, Json (*)(Manager&, const Json&)> kMethods{
    {"scale", scale},
    {"upgrade", upgrade},
    {"chains", [](Manager& manager, const Json&) { return manager.chains(); }},
    {"chain_add", chain_add},
    {"chain_set", chain_set},
    {"chain_del", chain_del},
    {"ports",
     [](Manager& manager, const Json&) -> Json {
       return {{"ports", manager.ports()}, {"loops", manager.loops().size()}};
     }},
    {"port_set", port_set},
    {"totals", [](Manager& manager, const Json& of) { return manager.totals(required(of, "by")); }},
    {"events", events},
};

}  // namespace

std::optional<Json> perform_live(Manager& manager, const std::string& method, const Json& parameters) {
  const auto found = kMethods.find(method);
  if (found == kMethods.end()) return std::nullopt;
  return found->second(manager, parameters);
}

}  // namespace roost
