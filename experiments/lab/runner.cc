// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/runner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "cli/interrupts.h"
#include "core/error.h"
#include "experiments/harness/harness.h"
#include "experiments/lab/forked.h"
#include "experiments/lab/progress.h"
#include "experiments/lab/results.h"
#include "experiments/lab/schema.h"

namespace roost::experiment {
namespace {

constexpr const char* kScales[] = {"quick", "lines", "matrix", "full"};

// Seconds of CPU time of all cores since the machine started.
struct CpuTimes {
  double all = 0, busy = 0, steal = 0;
};

CpuTimes cpu_times() {
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  CpuTimes times;
  double value = 0;
  for (int i = 0; i < 8 && file >> value; ++i) {
    times.all += value;
    if (i == 7) times.steal += value;
    if (i != 3 && i != 4 && i != 7) times.busy += value;
  }
  const auto hz = static_cast<double>(sysconf(_SC_CLK_TCK));
  return {times.all / hz, times.busy / hz, times.steal / hz};
}

uint64_t mixed(uint64_t seed, const std::string& row, size_t life) {
  uint64_t hash = seed * 0x9e3779b97f4a7c15ULL + life + 1;
  for (const char c : row) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash >> 33;  // whole in JSON everywhere
}

// What is told of a life on one line: the first figures that matter.
std::string gist(const Json& life) {
  std::string text;
  for (const char* figure : {"throughput_pps", "times_bare_pipeline", "times_semaphore_sweep", "pdr_pps",
                             "latency_p99_us", "wake_to_run_p50_us", "times_quiet_p99", "cpu_percent", "jain"}) {
    if (!life["samples"].contains(figure)) continue;
    text += fmt::format("{}{} {:.4g}", text.empty() ? "" : ", ", figure,
                        spread_of(life["samples"][figure].get<std::vector<double>>()).median);
  }
  return text;
}

// The same of all rows that a start has served.
std::string gist(const std::vector<Json>& lives) {
  if (lives.size() == 1) return gist(lives.front());
  std::vector<double> rates;
  for (const Json& life : lives)
    if (life["samples"].contains("throughput_pps"))
      rates.push_back(spread_of(life["samples"]["throughput_pps"].get<std::vector<double>>()).median);
  const Spread spread = spread_of(rates);
  return fmt::format("{} rows, throughput_pps {:.4g} to {:.4g}", lives.size(), spread.least, spread.most);
}

// Rows that one start serves.
struct Start {
  std::string name;
  std::vector<Json> rows;
};

class Run {
 public:
  Run(const Experiment& experiment, const RunOptions& options)
      : experiment_(experiment),
        options_(options),
        results_(options.resume.empty() ? Results::create(options.folder, options.root, experiment.name)
                                        : Results::open(options.resume)) {}

  RunState go();

 private:
  void begin();
  void go_on();
  void plan();
  std::vector<Start> starts_of(size_t life) const;
  std::vector<Json> measure(const Start& start, size_t life);
  void run_start(const Start& start, size_t life, Progress& progress);
  void keep_limits();
  void end(const char* state);

  const Experiment& experiment_;
  RunOptions options_;
  Results results_;
  cli::Interrupts interrupts_;
  std::vector<Json> rows_;
};

void Run::begin() {
  Json machine = machine_facts();
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  machine["load_at_start"] = load;
  results_.json() = {{"schema", kResultSchema},
                     {"experiment", experiment_.name},
                     {"question", experiment_.question},
                     {"state", "running"},
                     {"scale", scale_name(options_.scale)},
                     {"started", utc_text()},
                     {"ended", utc_text()},
                     {"lives", options_.lives},
                     {"options", options_.trial.json()},
                     {"machine", machine},
                     {"limits", Json::array()},
                     {"units", Json::object()},
                     {"left_out", Json::array()},
                     {"failures", Json::array()},
                     {"rows", Json::array()}};
  results_.json()["options"]["only"] = options_.only;
}

// With the options that it was begun with, on the machine that it was begun on.
void Run::go_on() {
  Json& json = results_.json();
  if (json["experiment"] != experiment_.name)
    fail("'{}' is a result of '{}'; go on with it by that name", options_.resume,
         json["experiment"].get<std::string>());
  const Json here = machine_facts();
  for (const char* fact : {"cpu", "cores", "kernel", "dpdk"})
    if (json["machine"][fact] != here[fact])
      fail("'{}' was begun on another machine: {} was {}, and is {}", options_.resume, fact,
           json_text(json["machine"][fact]), json_text(here[fact]));
  const Json& was = json["options"];
  options_.scale = scale_of(json["scale"].get<std::string>());
  options_.lives = json["lives"].get<int>();
  options_.trial = {was["slice_s"].get<double>(),      was["warm_up_s"].get<double>(),
                    was["pairs"].get<int>(),           was["seed"].get<uint64_t>(),
                    was["capture"].get<std::string>(), was["settings"].get<std::vector<std::string>>()};
  options_.only = was["only"].get<std::vector<std::string>>();
  json["state"] = "running";
  json["failures"] = Json::array();
  json["left_out"] = Json::array();
}

void Run::plan() {
  const MachineLimits limits = machine_limits();
  if (limits.cores < 2) fail("{}: needs two cores, and this process may run on one", experiment_.name);
  for (const Json& parameters : experiment_.rows(options_.scale)) {
    if (!matches(parameters, options_.only)) continue;
    const std::string problem = experiment_.problem(parameters, limits, options_.trial);
    if (problem.empty())
      rows_.push_back(parameters);
    else
      results_.json()["left_out"].push_back({{"row", row_name(parameters)}, {"why", problem}});
  }
  if (!rows_.empty()) return;
  const Json& left_out = results_.json()["left_out"];
  fail("{}: nothing can be measured: {}", experiment_.name,
       left_out.empty() ? "no row is like --only says" : left_out[0]["why"].get<std::string>());
}

// What is still to be measured for this life, in the order of the rows.
std::vector<Start> Run::starts_of(size_t life) const {
  const bool shared = options_.scale == Scale::matrix && experiment_.shared.name;
  std::vector<Start> starts;
  for (const Json& row : rows_) {
    if (results_.lives_of(row) > life) continue;
    const std::string name = shared ? experiment_.shared.name(row) : row_name(row);
    const auto found = std::find_if(starts.begin(), starts.end(), [&](const Start& each) { return each.name == name; });
    if (found == starts.end())
      starts.push_back({name, {row}});
    else
      found->rows.push_back(row);
  }
  return starts;
}

std::vector<Json> Run::measure(const Start& start, size_t life) {
  TrialOptions trial = options_.trial;
  trial.seed = mixed(trial.seed, start.name, life);
  const CpuTimes before = cpu_times();
  const double began = seconds_now();
  const ForkedOutcome outcome = run_forked(
      [&] {
        options_.prepare(experiment_.name);
        std::vector<Life> lives(start.rows.size(), Life([this] { interrupts_.wait(std::chrono::milliseconds(0)); }));
        if (options_.scale == Scale::matrix && experiment_.shared.name)
          experiment_.shared.measure(start.rows, trial, lives);
        else
          experiment_.measure(start.rows.front(), trial, lives.front());
        Json all = Json::array();
        for (const Life& each : lives) all.push_back(each.json());
        return all;
      },
      interrupts_.fd());
  if (outcome.interrupted) throw cli::Interrupted("interrupted");
  if (!outcome.error.empty()) fail("{}", outcome.error);
  const CpuTimes after = cpu_times();
  const double all = std::max(1e-9, after.all - before.all);
  std::vector<Json> results;
  for (Json result : outcome.result) {
    result["seed"] = trial.seed;
    result["seconds"] = (seconds_now() - began) / static_cast<double>(start.rows.size());
    result["steal_share"] = (after.steal - before.steal) / all;
    // What other processes used meanwhile: a run beside other work says so.
    result["others_share"] = std::clamp((after.busy - before.busy - outcome.cpu_s) / all, 0.0, 1.0);
    results.push_back(std::move(result));
  }
  return results;
}

void Run::run_start(const Start& start, size_t life, Progress& progress) {
  progress.begins(start.name, seconds_now());
  try {
    std::vector<Json> lives = measure(start, life);
    progress.ends(start.name + ": " + gist(lives), seconds_now());
    for (size_t i = 0; i < lives.size(); ++i) results_.add_life(start.rows[i], std::move(lives[i]));
  } catch (const cli::Interrupted&) {
    throw;
  } catch (const Error& error) {
    progress.ends(fmt::format("{}: failed: {}", start.name, error.what()), seconds_now());
    for (const Json& row : start.rows)
      results_.json()["failures"].push_back({{"row", row_name(row)}, {"life", life}, {"why", error.what()}});
  }
  results_.save();
}

void Run::keep_limits() {
  const ForkedOutcome outcome = run_forked([&] { return options_.limits(); }, interrupts_.fd());
  if (outcome.interrupted) throw cli::Interrupted("interrupted");
  if (!outcome.error.empty()) fail("the machine's limits: {}", outcome.error);
  Json limits = outcome.result;
  limits["at"] = utc_text();
  results_.json()["limits"].push_back(limits);
}

void Run::end(const char* state) {
  Json& json = results_.json();
  json["state"] = state;
  json["ended"] = utc_text();
  if (const Json summary = experiment_.summary(json["rows"]); !summary.is_null()) json["summary"] = summary;
  results_.save();
  fmt::print("{}: {} ({} rows, {} left out, {} failed)\n", results_.folder().string(), state, json["rows"].size(),
             json["left_out"].size(), json["failures"].size());
}

RunState Run::go() {
  options_.resume.empty() ? begin() : go_on();
  try {
    plan();
  } catch (const Error&) {  // nothing is measured: no folder is left for it
    if (options_.resume.empty()) std::filesystem::remove_all(results_.folder());
    throw;
  }
  size_t missing = 0;
  const auto lives = static_cast<size_t>(options_.lives);
  for (size_t life = 0; life < lives; ++life) missing += starts_of(life).size();
  fmt::print("{}: {} rows, {} lives each, {} starts to be run; {} left out; into {}\n", experiment_.name, rows_.size(),
             lives, missing, results_.json()["left_out"].size(), results_.folder().string());
  Progress progress(stdout, isatty(STDOUT_FILENO) != 0, missing);
  try {
    keep_limits();
    results_.save();
    for (size_t life = 0; life < lives; ++life)
      for (const Start& start : starts_of(life)) run_start(start, life, progress);
    keep_limits();
  } catch (const cli::Interrupted&) {
    end("interrupted");
    fmt::print("go on with: roost-experiment {} --resume {}\n", experiment_.name, results_.folder().string());
    return RunState::interrupted;
  }
  const bool failed = !results_.json()["failures"].empty();
  end(failed ? "failed" : "complete");
  return failed ? RunState::failed : RunState::complete;
}

}  // namespace

const char* scale_name(Scale scale) noexcept { return kScales[static_cast<size_t>(scale)]; }

Scale scale_of(const std::string& name) {
  const auto found = std::find(std::begin(kScales), std::end(kScales), name);
  if (found == std::end(kScales)) fail("'{}' is no scale; there are quick, lines, matrix and full", name);
  return static_cast<Scale>(found - std::begin(kScales));
}

bool matches(const Json& parameters, const std::vector<std::string>& only) {
  return std::all_of(only.begin(), only.end(), [&](const std::string& wanted) {
    const size_t equals = wanted.find('=');
    if (equals == std::string::npos) fail("--only {}: write it as KEY=VALUE, for example nfs=100", wanted);
    const auto found = parameters.find(wanted.substr(0, equals));
    if (found == parameters.end()) return false;
    return (found->is_string() ? found->get<std::string>() : json_text(*found)) == wanted.substr(equals + 1);
  });
}

RunState run_experiment(const Experiment& experiment, const RunOptions& options) {
  return Run(experiment, options).go();
}

}  // namespace roost::experiment
