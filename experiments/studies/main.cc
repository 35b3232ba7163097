// SPDX-License-Identifier: BSD-3-Clause
// roost-experiment: runs experiments, compares and checks their results. docs/benchmarking.md is the method.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/program.h"
#include "cli/table.h"
#include "core/error.h"
#include "core/log.h"
#include "experiments/harness/limits.h"
#include "experiments/lab/compare.h"
#include "experiments/lab/results.h"
#include "experiments/lab/runner.h"
#include "experiments/lab/schema.h"
#include "experiments/studies/studies.h"
#include "scheduler/packet_pool.h"

namespace {

using namespace roost;
using namespace roost::experiment;

constexpr uint32_t kPrivateMib = 4'096;  // address space of DPDK's own
enum ExitCode : int { kFine = 0, kFailed = 1, kInterrupted = 130 };

std::vector<Experiment> all_experiments() {
  return {density(), baselines(), wake_thresholds(), controller(), tuner(), latency(),
          chain(),   fairness(),  noisy_neighbour(), churn(),      idle()};
}

struct Asked {
  RunOptions run;
  std::string scale = "quick";
};

int run(const Experiment& experiment, Asked asked) {
  asked.run.scale = scale_of(asked.scale);
  asked.run.limits = measure_limits;
  asked.run.prepare = [](const std::string& name) {
    start_log("error");  // hosts that are killed on purpose are worth a warning, but not here
    pin_to(0);
    init_eal(fmt::format("roost-{}-{}", name, getpid()), kPrivateMib);
  };
  for (const std::string& setting : asked.run.trial.settings)
    if (setting.find('=') == std::string::npos) throw cli::UsageError("--set " + setting + ": write it as NAME=VALUE");
  switch (run_experiment(experiment, asked.run)) {
    case RunState::complete:
      return kFine;
    case RunState::interrupted:
      return kInterrupted;
    case RunState::failed:
      break;
  }
  return kFailed;
}

void add_experiment(cli::Command& program, const Experiment& each) {
  cli::Command& command = program.add(each.name, each.question);
  auto& asked = command.keep<Asked>();
  auto& trial = asked.run.trial;
  const auto& experiment = command.keep<Experiment>() = each;
  command
      .option("--scale", asked.scale,
              "quick: some rows; lines: each dimension alone; matrix: all rows, many from one start; full: all rows")
      .one_of({"quick", "lines", "matrix", "full"})
      .shows_default();
  command.option("--lives", asked.run.lives, "fresh processes for each row").range(1, 1'000).shows_default();
  command.option("--pairs", trial.pairs, "pairs of slices in each life").range(1, 1'000).shows_default();
  command.option("--slice", trial.slice_s, "length of a slice, s").range(0.02, 5).shows_default();
  command.option("--warm-up", trial.warm_up_s, "traffic before the first slice, s").range(0.02, 5).shows_default();
  command.option("--seed", trial.seed, "of traffic, with the row and the life").shows_default();
  command.option("--capture", trial.capture, "a pcap file for the rows with traffic=capture");
  command.option("--only", asked.run.only, "KEY=VALUE: only rows with this parameter; several: with all of them");
  command.option("--set", trial.settings, "run with this setting, NAME=VALUE");
  command.option("--results", asked.run.root, "results go to NAME/TIME in this folder").shows_default();
  auto out = command.option("--out", asked.run.folder, "results go here instead; it must not be there yet");
  command.option("--resume", asked.run.resume, "go on with these results, with the options they were begun with")
      .excludes(out);
  command.runs([&experiment, &asked] { return run(experiment, asked); });
}

int compare(const std::string& a, const std::string& b, bool all) {
  size_t noise = 0;
  bool one_life = false;
  cli::Table table({{"ROW"},
                    {"FIGURE"},
                    {"B / A", cli::Table::Align::right},
                    {"95 % INTERVAL", cli::Table::Align::right},
                    {"VERDICT"}});
  for (const Difference& difference : compare_results(read_result(a), read_result(b))) {
    one_life = one_life || difference.one_life;
    noise += difference.verdict == Difference::Verdict::noise;
    if (difference.verdict == Difference::Verdict::noise && !all) continue;
    const auto& [ratio, low, high, differs] = difference.interval;
    table.add({difference.row, difference.figure, fmt::format("{:.3f}", ratio),
               fmt::format("{:.3f} to {:.3f}", low, high), verdict_name(difference.verdict)});
  }
  fmt::print("{}{} figures cannot be told from noise{}\n", table.text(), noise, all ? "" : " (--all shows them)");
  if (one_life) fmt::print("with one life on a side, how much lives differ is not known: intervals are too narrow\n");
  return kFine;
}

int check(const std::vector<std::string>& paths) {
  bool sound = true;
  for (const std::string& path : paths) {
    const auto faults = result_faults(read_result(path));
    for (const std::string& fault : faults) fmt::print("{}: {}\n", path, fault);
    if (faults.empty()) fmt::print("{}: sound\n", path);
    sound = sound && faults.empty();
  }
  return sound ? kFine : kFailed;
}

struct Compared {
  std::string a, b;
  bool all = false;
};

void add_tools(cli::Command& program) {
  cli::Command& compared = program.add("compare", "tell a difference between two results from noise");
  auto& pair = compared.keep<Compared>();
  compared.positional("A", pair.a, "a folder of results").required();
  compared.positional("B", pair.b, "another, of the same experiment").required();
  compared.flag("--all", pair.all, "also what cannot be told from noise");
  compared.runs([&pair] { return compare(pair.a, pair.b, pair.all); });
  cli::Command& checked = program.add("check", "check results: their form, and that the books balance");
  auto& paths = checked.keep<std::vector<std::string>>();
  checked.positional("results", paths, "folders of results").required();
  checked.runs([&paths] { return check(paths); });
}

}  // namespace

int main(int argc, char** argv) {
  cli::Command program("roost-experiment", "Experiments with Roost, each beside its baselines in the same run");
  program.examples(
      "  roost-experiment density --scale lines --lives 3\n"
      "  roost-experiment wake_thresholds --resume results/wake_thresholds/20260131-123000\n"
      "  roost-experiment compare results/density/A results/density/B\n"
      "Exit status: 0 complete, 1 failed, 2 wrong usage, 130 interrupted (go on with --resume).");
  for (const Experiment& experiment : all_experiments()) add_experiment(program, experiment);
  add_tools(program);
  return cli::run_program(program, "roost-experiment", argc, argv);
}
