// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/simulator/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/figures.h"
#include "cli/table.h"

namespace roost::simulator {

Json report_json(const std::string& scenario, const Model& model, const Simulation& simulation) {
  const Totals& totals = simulation.totals();
  uint64_t busy = 0, switching = 0, active = 0;
  for (const SimCore& core : simulation.cores()) {
    busy += core.busy;
    switching += core.switching;
  }
  for (const SimNf& nf : simulation.nfs()) active += nf.served != 0;
  const auto [least, most] = simulation.load_ends();
  const auto share = [&](uint64_t cycles) {
    return static_cast<double>(cycles) / static_cast<double>(std::max<uint64_t>(1, simulation.now() * model.cores));
  };
  Json violations = Json::array();
  for (const Violation& each : simulation.checks().first())
    violations.push_back({{"at_cycles", each.at_cycles}, {"property", each.property}, {"what", each.what}});
  return {{"scenario", scenario},
          {"seed", model.seed},
          {"cycles", simulation.now()},
          {"nfs", model.nfs.size()},
          {"workers", model.workers.size()},
          {"cores", model.cores},
          {"arrived", totals.arrived},
          {"served", totals.served},
          {"refused",
           {{"no_buffer", totals.refused_no_buffer},
            {"buffer_share", totals.refused_share},
            {"inbox_full", totals.refused_inbox},
            {"backpressure", totals.refused_backpressure}}},
          {"waiting", totals.waiting},
          {"dispatches", totals.dispatches},
          {"packets_per_dispatch",
           totals.dispatches == 0 ? 0.0 : static_cast<double>(totals.hops) / static_cast<double>(totals.dispatches)},
          {"moves", totals.moves},
          {"core_load_least", least},
          {"core_load_most", most},
          {"wakes", totals.wakes},
          {"wakes_by_deadline", totals.wakes_by_deadline},
          {"wait_cycles_mean",
           totals.hops == 0 ? 0.0 : static_cast<double>(totals.wait_cycles) / static_cast<double>(totals.hops)},
          {"wait_cycles_max", totals.longest_wait_cycles},
          {"nfs_served", active},
          {"core_share_busy", share(busy)},
          {"core_share_switching", share(switching)},
          {"events", totals.events},
          {"violations_total", simulation.checks().violations()},
          {"violations", violations}};
}

std::string report_text(const Json& report) {
  using cli::grouped;
  constexpr auto kRight = cli::Table::Align::right;
  cli::Table table({{"WHAT"}, {"VALUE", kRight}, {"MEANING"}});
  const auto whole = [&](const char* name, const char* meaning) {
    table.add({name, grouped(report.at(name).get<uint64_t>()), meaning});
  };
  table.add({"scenario", report.at("scenario").get<std::string>(), "of the model"});
  whole("seed", "the same one makes the same run");
  whole("cycles", "of virtual time");
  whole("nfs", "NFs");
  whole("workers", "that the NFs are in");
  whole("cores", "shared by the workers");
  whole("arrived", "packets");
  whole("served", "packets, by all NFs of their chain");
  for (const auto& [cause, count] : report.at("refused").items())
    table.add({"refused: " + cause, grouped(count.get<uint64_t>()), "packets, at their chain's entry"});
  whole("waiting", "packets, at the end");
  whole("dispatches", "calls of an NF with a burst");
  table.add(
      {"packets_per_dispatch", fmt::format("{:.2f}", report.at("packets_per_dispatch").get<double>()), "on average"});
  whole("moves", "of workers, to another core");
  for (const char* name : {"core_load_least", "core_load_most"})
    table.add({name, fmt::format("{:.2f}", report.at(name).get<double>()),
               "demand for a core at the end, where workers move"});
  whole("wakes", "of sleeping workers");
  whole("wakes_by_deadline", "of those, for fewer packets than the threshold");
  table.add({"wait_cycles_mean", fmt::format("{:.0f}", report.at("wait_cycles_mean").get<double>()),
             "from an inbox's end to its NF"});
  whole("wait_cycles_max", "the longest");
  whole("nfs_served", "NFs that have had packets");
  for (const char* name : {"core_share_busy", "core_share_switching"})
    table.add({name, fmt::format("{:.1f} %", 100 * report.at(name).get<double>()), "of the cores' time"});
  whole("events", "simulated");
  whole("violations_total", "of the properties that must hold");
  std::string text = table.text(100);
  for (const Json& each : report.at("violations"))
    text += fmt::format("violated at {}: {}: {}\n", each.at("at_cycles").get<uint64_t>(),
                        each.at("property").get<std::string>(), each.at("what").get<std::string>());
  return text;
}

}  // namespace roost::simulator
