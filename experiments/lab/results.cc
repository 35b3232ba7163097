// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/results.h"

#include <fmt/format.h>

#include <ctime>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "experiments/harness/harness.h"
#include "experiments/lab/experiment.h"
#include "experiments/lab/figures.h"
#include "experiments/lab/schema.h"

namespace roost::experiment {
namespace {

std::string utc(const char* format) {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, strftime(text, sizeof text, format, &parts)};
}

void replace(const std::filesystem::path& file, const std::string& content) {
  const std::filesystem::path beside = file.string() + ".new";
  std::ofstream out(beside);
  if (!(out << content << std::flush)) fail("{}: cannot write it; is the disk full?", file.string());
  out.close();
  std::filesystem::rename(beside, file);
}

std::string csv_cell(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : json_text(value);
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  for (size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';
}

}  // namespace

std::string utc_text() { return utc("%Y-%m-%dT%H:%M:%SZ"); }
std::string utc_folder() { return utc("%Y%m%d-%H%M%S"); }

Results Results::create(const std::string& folder, const std::string& root, const std::string& experiment) {
  namespace fs = std::filesystem;
  const fs::path path = folder.empty() ? fs::path(root) / experiment / utc_folder() : fs::path(folder);
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) fail("results '{}': {}", path.parent_path().string(), error.message());
  if (!fs::create_directory(path, error)) {
    if (error) fail("results '{}': {}", path.string(), error.message());
    fail("results '{}' are there already and are not overwritten; name another folder, or go on with --resume {}",
         path.string(), path.string());
  }
  return Results(path);
}

Results Results::open(const std::string& folder) {
  Results results{std::filesystem::path(folder)};
  results.json_ = read_result(folder);
  if (const auto faults = result_faults(results.json_); !faults.empty())
    fail("results '{}' cannot be gone on with: {}", folder, faults.front());
  return results;
}

Json& Results::row(const Json& parameters) {
  const std::string name = row_name(parameters);
  for (Json& row : json_["rows"])
    if (row["row"] == name) return row;
  json_["rows"].push_back(
      {{"row", name}, {"parameters", parameters}, {"lives", Json::array()}, {"figures", Json::object()}});
  return json_["rows"].back();
}

size_t Results::lives_of(const Json& parameters) const {
  const std::string name = row_name(parameters);
  for (const Json& row : json_.at("rows"))
    if (row["row"] == name) return row["lives"].size();
  return 0;
}

void Results::add_life(const Json& parameters, Json life) {
  Json& into = row(parameters);
  into["lives"].push_back(std::move(life));
  std::map<std::string, std::vector<double>> samples;
  for (const Json& each : into["lives"])
    for (const auto& [figure, values] : each["samples"].items())
      for (const Json& value : values) samples[figure].push_back(value.get<double>());
  for (const auto& [figure, values] : samples) {
    into["figures"][figure] = spread_of(values).json();
    const FigureSpec* spec = find_figure(figure);
    if (spec == nullptr) fail("'{}' is no figure: experiments/lab/figures.cc has them", figure);
    json_["units"][figure] = spec->unit;
  }
}

void Results::save() const {
  replace(folder_ / "result.json", json_text(json_, 1) + "\n");
  replace(folder_ / "rows.csv", rows_csv(json_));
}

Json read_result(const std::string& path) {
  const std::filesystem::path file =
      std::filesystem::is_directory(path) ? std::filesystem::path(path) / "result.json" : std::filesystem::path(path);
  std::ifstream in(file);
  if (!in) fail("'{}': there is no such result; a result is a folder with a result.json", path);
  Json result = rpc_parse((std::ostringstream() << in.rdbuf()).str());
  if (result.is_discarded()) fail("'{}' is not JSON", file.string());
  return result;
}

std::string rows_csv(const Json& result) {
  std::set<std::string> parameters, figures;
  for (const Json& row : result.at("rows")) {
    for (const auto& [name, value] : row["parameters"].items()) parameters.insert(name);
    for (const auto& [name, value] : row["figures"].items()) figures.insert(name);
  }
  std::string csv;
  for (const auto& name : parameters) csv += name + ",";
  csv += "lives";
  for (const auto& name : figures) csv += fmt::format(",{0}_median,{0}_least,{0}_most", name);
  csv += "\n";
  for (const Json& row : result.at("rows")) {
    for (const auto& name : parameters) csv += csv_cell(row["parameters"].value(name, Json())) + ",";
    csv += std::to_string(row["lives"].size());
    for (const auto& name : figures)
      for (const char* part : {"median", "least", "most"})
        csv += "," + (row["figures"].contains(name) ? json_text(row["figures"][name][part]) : "");
    csv += "\n";
  }
  return csv;
}

}  // namespace roost::experiment
