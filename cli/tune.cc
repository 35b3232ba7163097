// SPDX-License-Identifier: BSD-3-Clause
// roost tune: finds wake thresholds for the traffic that a running manager has now, or for a capture.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/interrupts.h"
#include "cli/live_trial.h"
#include "cli/replay_manager.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

struct TuneOptions {
  double p99_us = 0, cpu_percent = 0, seconds = 60, trial_s = 1;
  std::string service;
  bool apply = false;
  ReplayOptions replay;

  bool replays() const { return !replay.pcap.empty(); }
};

std::string text_of_choice(const WakeChoice& choice) {
  return fmt::format("wake_packets {}, wake_deadline_us {}, spin_us {}", choice.wake_packets, choice.wake_deadline_us,
                     choice.spin_us);
}

Json choice_json(const Tuner& tuner, size_t place) {
  const auto& [choice, outcomes] = tuner.tried()[place];
  const TuneOutcome outcome = tuner.tried()[place].median();
  return {{"wake_packets", choice.wake_packets}, {"wake_deadline_us", choice.wake_deadline_us},
          {"spin_us", choice.spin_us},           {"p99_us", outcome.p99_us},
          {"cpu_percent", outcome.cpu_percent},  {"delivers", outcome.delivers},
          {"trials", outcomes.size()},           {"meets_goal", tuner.meets(place)}};
}

void print_table(const Tuner& tuner, const std::vector<size_t>& places, size_t chosen) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"WAKE_PACKETS", kRight},
               {"WAKE_DEADLINE_US", kRight},
               {"SPIN_US", kRight},
               {"P99 US", kRight},
               {"CPU %", kRight},
               {"TRIALS", kRight},
               {""}});
  for (const size_t place : places) {
    const auto& [choice, outcomes] = tuner.tried()[place];
    const TuneOutcome outcome = tuner.tried()[place].median();
    std::string remark = place == chosen ? "the choice" : place == 0 ? "as it was" : "";
    if (!outcome.delivers) remark += remark.empty() ? "loses packets" : ", loses packets";
    table.add({std::to_string(choice.wake_packets), std::to_string(choice.wake_deadline_us),
               std::to_string(choice.spin_us), rounded(outcome.p99_us), rounded(outcome.cpu_percent),
               std::to_string(outcomes.size()), remark});
  }
  fmt::print("{}", table.text());
}

void print_report(const Tuner& tuner, size_t chosen, const TuneOptions& options, bool applied) {
  std::vector<size_t> tried(tuner.tried().size());
  for (size_t i = 0; i < tried.size(); ++i) tried[i] = i;
  fmt::print("\nTried:\n");
  print_table(tuner, tried, chosen);
  fmt::print("\nThe front (nothing that was tried is better in both):\n");
  print_table(tuner, tuner.front(), chosen);
  const auto& [choice, outcomes] = tuner.tried()[chosen];
  const TuneOutcome outcome = tuner.tried()[chosen].median();
  fmt::print("\nThe choice: {}: p99 {} us, {} % of a core{}.\n", text_of_choice(choice), rounded(outcome.p99_us),
             rounded(outcome.cpu_percent),
             tuner.meets(chosen) ? "" : "; it misses the goal, as all that was tried does");
  const std::string where = options.service.empty() ? "" : " --service " + options.service;
  if (applied) {
    fmt::print("It is set now.\n");
  } else {
    fmt::print("{}\n", options.replays()
                           ? "The manager that replayed the capture has ended. To set it where it is wanted:"
                           : "Settings are as they were. To set it:");
    for (const auto& [name, value] : settings_of(choice)) fmt::print("  roost set {} {}{}\n", name, value, where);
  }
}

void check_usage(const TuneOptions& options, const Invocation& invocation) {
  const ReplayOptions& replay = options.replay;
  const auto refuse = [](const char* why) { throw UsageError(fmt::format("tune: {}", why)); };
  if (!options.replays() &&
      (!replay.config.empty() || !replay.port.empty() || !replay.setup.empty() || replay.speed != 1))
    refuse("--config, --port, --setup and --speed go with --pcap");
  if (!options.replays()) return;
  if (!invocation.socket.empty()) refuse("--pcap is replayed by a manager of its own; --socket names another");
  if (options.apply) refuse("the manager that replays --pcap ends; set the choice by 'roost set' where it is wanted");
  if (!replay.config.empty() && replay.setup.empty()) refuse("--config says nothing of NFs; --setup starts them");
  if (replay.config.empty() && !replay.port.empty()) refuse("--port is one of --config");
}

int search(const TuneOptions& options, const TuneGoal& goal, const Invocation& invocation, const Interrupts& interrupts,
           Client& client) {
  LiveTrials trials(client, options.service, options.trial_s,
                    [&](double seconds) { interrupts.wait(std::chrono::milliseconds(std::lround(seconds * 1e3))); });
  const auto count = static_cast<uint32_t>(std::max(1.0, options.seconds / trials.seconds_each()));
  Tuner tuner(goal, trials.present(), count);
  const auto began = std::chrono::steady_clock::now();
  const auto time_left = [&] {  // a busy manager answers late
    return std::chrono::steady_clock::now() - began < std::chrono::duration<double>(options.seconds);
  };
  try {
    for (auto choice = tuner.next(); choice && (time_left() || tuner.tried().empty()); choice = tuner.next()) {
      const TuneOutcome outcome = trials.run(*choice);
      tuner.tell(outcome);
      if (invocation.json) continue;
      fmt::print("{}: p99 {} us, {} % of a core{}\n", text_of_choice(*choice), rounded(outcome.p99_us),
                 rounded(outcome.cpu_percent), outcome.delivers ? "" : ", loses packets");
      std::fflush(stdout);
    }
  } catch (const Interrupted&) {
    fail("tune: interrupted; settings are as they were");
  }
  const size_t chosen = tuner.choice().value();
  const bool applied = options.apply && tuner.tried()[chosen].median().delivers;
  if (applied) trials.keep(tuner.tried()[chosen].choice);
  if (invocation.json) {
    Json tried = Json::array(), front = Json::array();
    for (size_t i = 0; i < tuner.tried().size(); ++i) tried.push_back(choice_json(tuner, i));
    for (const size_t place : tuner.front()) front.push_back(place);
    return invocation.printed_as_json(
               {{"tried", tried}, {"front", front}, {"choice", choice_json(tuner, chosen)}, {"applied", applied}})
               ? kFine
               : kFailed;
  }
  trials.restore();  // before it is said
  print_report(tuner, chosen, options, applied);
  return kFine;
}

int tune(const TuneOptions& options, const Invocation& invocation) {
  TuneGoal goal;
  if (options.p99_us > 0) goal.p99_us_most = options.p99_us;
  if (options.cpu_percent > 0) goal.cpu_percent_most = options.cpu_percent;
  if (goal.p99_us_most.has_value() == goal.cpu_percent_most.has_value())
    throw UsageError("tune: say which goal: --p99-us or --cpu-max");
  check_usage(options, invocation);
  const Interrupts interrupts;
  if (!options.replays()) {
    Client client = invocation.connect();
    return search(options, goal, invocation, interrupts, client);
  }
  try {
    ReplayManager manager(options.replay, interrupts);
    return search(options, goal, invocation, interrupts, manager.client());
  } catch (const Interrupted&) {
    fail("tune: interrupted; all that was started is ended");
  }
}

}  // namespace

void add_tune(Command& program, Invocation& invocation) {
  Command& command = add_command(
      program, invocation, "tune", "find wake thresholds for the traffic that there is now",
      "  roost tune --p99-us 200\n"
      "  roost tune --cpu-max 25 --service firewall --apply\n"
      "  roost tune --p99-us 500 --pcap day.pcap --speed 2\n"
      "  roost tune --p99-us 500 --pcap day.pcap --config my.toml \\\n"
      "    --setup 'roost spawn firewall --service firewall --count 8'\n"
      "With --pcap a manager of its own replays the capture again and again, in memory: chains, services, rules\n"
      "and settings as in --config, whose other ports receive nothing; it uses the cores that are set there.\n"
      "Tries values of wake_packets, wake_deadline_us and spin_us on the running manager, for --trial\n"
      "seconds each, and goes back to what was set, unless --apply is given; also when it is interrupted.\n"
      "Latency is that of all packets, CPU time that of the manager and all its hosts.");
  auto& options = command.keep<TuneOptions>();
  Option p99 = command.option("--p99-us", options.p99_us, "hold p99 latency under this, with the least CPU time");
  p99.range(1, 1e7);
  command.option("--cpu-max", options.cpu_percent, "use at most this much CPU time, % of a core, with the least p99")
      .range(0.01, 1e5)
      .excludes(p99);
  command.option("--service", options.service, "set it for this service's NFs only");
  command.option("--pcap", options.replay.pcap, "tune for this capture, replayed by a manager that is started for it");
  command.option("--speed", options.replay.speed, "of --pcap: times the recorded pace")
      .range(0.001, 1'000)
      .shows_default();
  command.option("--config", options.replay.config,
                 "with --pcap: chains as in this configuration (default: roost demo's)");
  command.option("--port", options.replay.port,
                 "of --config: the capture comes in here (default: the first with a chain)");
  command.option("--setup", options.replay.setup, "with --pcap: a shell command that starts the NFs");
  command.option("--seconds", options.seconds, "take at most about this long").range(1, 86'400).shows_default();
  command.option("--trial", options.trial_s, "how long each choice is tried, s").range(0.05, 600).shows_default();
  command.flag("--apply", options.apply, "set the choice");
  add_json_flag(command, invocation);
  command.runs([&] { return tune(options, invocation); });
}

}  // namespace roost::cli
