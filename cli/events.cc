// SPDX-License-Identifier: BSD-3-Clause
// roost events: what has happened in the manager, and what happens.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/interrupts.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

constexpr std::chrono::milliseconds kLook{200};
constexpr uint32_t kAtOnce = 1'000;

struct EventOptions {
  bool follow = false;
  uint32_t last = 20;
  std::string kind;
  bool troubles = false;
};

void print_event(const Json& event) {
  const auto time_ms = static_cast<int64_t>(count_of(event, "time_ms"));
  const auto seconds = static_cast<time_t>(time_ms / 1'000);
  tm local{};
  localtime_r(&seconds, &local);
  fmt::print("{:%Y-%m-%d %H:%M:%S}.{:03} {:<10} {}{}\n", local, time_ms % 1'000, printable(text_of(event, "kind")),
             event.value("trouble", Json()) == true ? "! " : "", printable(text_of(event, "text")));
}

bool wanted(const Json& event, const EventOptions& options) {
  return (options.kind.empty() || text_of(event, "kind") == options.kind) &&
         (!options.troubles || event.value("trouble", Json()) == true);
}

int events(const EventOptions& options, const Invocation& invocation) {
  const Interrupts interrupts;
  Client client = invocation.connect();
  client.interrupted_by(interrupts.fd());
  Json answer = client.call("events", {{"after", 0}, {"limit", kAtOnce}});
  Json chosen = Json::array();
  for (const Json& event : part_of(answer, "events"))
    if (wanted(event, options)) chosen.push_back(event);
  const size_t from = chosen.size() > options.last ? chosen.size() - options.last : 0;
  if (!options.follow) {
    Json shown = Json::array();
    for (size_t i = from; i < chosen.size(); ++i) shown.push_back(chosen[i]);
    if (invocation.printed_as_json({{"events", shown}, {"last", count_of(answer, "last")}})) return kFine;
    for (const Json& event : shown) print_event(event);
    return kFine;
  }
  const auto print_now = [&](const Json& event) {
    if (invocation.json)
      fmt::print("{}\n", json_text(event));
    else
      print_event(event);
  };
  for (size_t i = from; i < chosen.size(); ++i) print_now(chosen[i]);
  try {
    for (uint64_t last = count_of(answer, "last");;) {  // until Ctrl-C, or the manager goes
      fflush(stdout);
      interrupts.wait(kLook);
      answer = client.call("events", {{"after", last}, {"limit", kAtOnce}});
      for (const Json& event : part_of(answer, "events")) {
        last = std::max(last, count_of(event, "number"));
        if (wanted(event, options)) print_now(event);
      }
    }
  } catch (const Interrupted&) {
    return kFine;
  }
}

}  // namespace

void add_events(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "events", "tell what has happened: NFs, hosts, links, chains",
                                 "  roost events\n"
                                 "  roost events --follow\n"
                                 "  roost events --follow --troubles --json        one JSON object a line\n"
                                 "  roost events --kind quarantine --last 1000\n"
                                 "A '!' marks what nobody asked for. The manager keeps the last 1,000.");
  auto& options = command.keep<EventOptions>();
  command.flag("--follow", options.follow, "and what happens from now on, until Ctrl-C");
  command.option("--last", options.last, "begin with so many of the latest").range(0, 1'000).shows_default();
  command.option("--kind", options.kind, "only of this kind")
      .one_of({"host", "nf", "quarantine", "link", "core", "chain"});
  command.flag("--troubles", options.troubles, "only what nobody asked for");
  add_json_flag(command, invocation);
  command.runs([&] { return events(options, invocation); });
}

}  // namespace roost::cli
