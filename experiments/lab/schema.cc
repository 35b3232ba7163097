// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/schema.h"

#include <fmt/format.h>

#include "experiments/lab/experiment.h"
#include "experiments/lab/figures.h"

namespace roost::experiment {
namespace {

enum class Kind { text, number, object, list };

bool is(const Json& value, Kind kind) {
  switch (kind) {
    case Kind::text:
      return value.is_string();
    case Kind::number:
      return value.is_number();
    case Kind::object:
      return value.is_object();
    case Kind::list:
      return value.is_array();
  }
  return false;
}

struct Field {
  const char* name;
  Kind kind;
};
constexpr Field kTop[] = {{"schema", Kind::number},  {"experiment", Kind::text}, {"question", Kind::text},
                          {"state", Kind::text},     {"scale", Kind::text},      {"started", Kind::text},
                          {"ended", Kind::text},     {"lives", Kind::number},    {"options", Kind::object},
                          {"machine", Kind::object}, {"limits", Kind::list},     {"rows", Kind::list},
                          {"left_out", Kind::list},  {"failures", Kind::list},   {"units", Kind::object}};
constexpr Field kRow[] = {
    {"row", Kind::text}, {"parameters", Kind::object}, {"lives", Kind::list}, {"figures", Kind::object}};
constexpr Field kLife[] = {{"seed", Kind::number},    {"samples", Kind::object},     {"books", Kind::object},
                           {"seconds", Kind::number}, {"steal_share", Kind::number}, {"others_share", Kind::number}};
constexpr Field kBooks[] = {{"received", Kind::number},
                            {"created", Kind::number},
                            {"transmitted", Kind::number},
                            {"dropped", Kind::number},
                            {"held", Kind::number}};
constexpr Field kMachine[] = {
    {"cpu", Kind::text},       {"cores", Kind::number}, {"kernel", Kind::text},         {"dpdk", Kind::text},
    {"tsc_mhz", Kind::number}, {"label", Kind::text},   {"hugepages_free", Kind::text}, {"governor", Kind::text}};
constexpr Field kSpread[] = {{"median", Kind::number}, {"least", Kind::number}, {"most", Kind::number}};

class Faults {
 public:
  template <size_t N>
  bool has(const Json& object, const std::string& where, const Field (&fields)[N]) {
    if (!object.is_object()) return say(where, "is no object");
    bool all = true;
    for (const auto& [name, kind] : fields) {
      if (!object.contains(name))
        all = say(where, fmt::format("lacks '{}'", name));
      else if (!is(object[name], kind))
        all = say(where, fmt::format("'{}' has the wrong type", name));
    }
    return all;
  }
  bool say(const std::string& where, const std::string& what) {
    list.push_back(fmt::format("{}: {}", where, what));
    return false;
  }

  std::vector<std::string> list;
};

void check_life(const Json& life, const std::string& where, Faults& faults) {
  if (!faults.has(life, where, kLife)) return;
  for (const auto& [figure, samples] : life["samples"].items()) {
    if (find_figure(figure) == nullptr) faults.say(where, fmt::format("'{}' is no figure", figure));
    if (!samples.is_array() || samples.empty()) {
      faults.say(where, fmt::format("'{}' has no samples", figure));
      continue;
    }
    for (const Json& sample : samples)
      if (!sample.is_number()) {
        faults.say(where, fmt::format("'{}': a sample is no number", figure));
        break;
      }
  }
  const Json& books = life["books"];
  if (books.empty() || !faults.has(books, where + ", books", kBooks)) return;  // none: no manager ran
  const auto count = [&](const char* name) { return books[name].get<uint64_t>(); };
  if (count("received") + count("created") != count("transmitted") + count("dropped") + count("held"))
    faults.say(where, "the books don't balance: received + created is not transmitted + dropped + held");
}

void check_row(const Json& row, size_t lives_most, Faults& faults) {
  const std::string where = row.is_object() && row.contains("row") ? "row " + json_text(row["row"]) : "a row";
  if (!faults.has(row, where, kRow)) return;
  if (row["row"].get<std::string>() != row_name(row["parameters"]))
    faults.say(where, "its name is not that of its parameters");
  if (row["lives"].empty() || row["lives"].size() > lives_most)
    faults.say(where, fmt::format("has {} lives, not 1 to {}", row["lives"].size(), lives_most));
  for (const Json& life : row["lives"]) check_life(life, where, faults);
  for (const auto& [figure, spread] : row["figures"].items())
    faults.has(spread, fmt::format("{}, figure '{}'", where, figure), kSpread);
}

}  // namespace

std::vector<std::string> result_faults(const Json& result) {
  Faults faults;
  if (!faults.has(result, "result", kTop)) return faults.list;
  if (result["schema"] != kResultSchema)
    faults.say("result", fmt::format("schema {}, not {}", json_text(result["schema"]), kResultSchema));
  const auto state = result["state"].get<std::string>();
  if (state != "running" && state != "interrupted" && state != "failed" && state != "complete")
    faults.say("result", fmt::format("state '{}'", state));
  faults.has(result["machine"], "machine", kMachine);
  if (state == "complete" && result["rows"].empty()) faults.say("result", "complete, and has no rows");
  if (state == "complete" && !result["failures"].empty()) faults.say("result", "complete, and has failures");
  for (const Json& row : result["rows"]) {
    check_row(row, result["lives"].get<size_t>(), faults);
    if (!row.is_object() || !row.contains("figures") || !row["figures"].is_object()) continue;
    for (const auto& [figure, spread] : row["figures"].items())
      if (!result["units"].contains(figure)) faults.say("units", fmt::format("'{}' is missing", figure));
  }
  return faults.list;
}

}  // namespace roost::experiment
