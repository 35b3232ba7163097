// SPDX-License-Identifier: BSD-3-Clause
// roost-try: looks at NF modules, and tries them on captures, in a process of its own, which they may crash. `roost
// try` and `roost describe` start it and read its report.
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "nflib/try/description.h"
#include "nflib/try/trial.h"

namespace {

using roost::Json;
using Strings = std::vector<std::string>;

roost::TrialOptions options_from(const Json& request) {
  roost::TrialOptions options;
  options.module = request.at("module").get<std::string>();
  options.in = request.at("in").get<std::string>();
  options.out = request.value("out", std::string());
  options.config = roost::json_text(request.value("config", Json::object()));
  options.ports = request.value("ports", options.ports);
  options.services = request.value("services", options.services);
  options.messages = request.value("messages", options.messages);
  options.repeat = request.value("repeat", options.repeat);
  options.patience_ms = request.value("patience_ms", options.patience_ms);
  options.run_ms = request.value("run_ms", options.run_ms);
  return options;
}

Json report_of(const roost::TrialResult& of) {
  const auto per = [](double of_these, uint64_t count) { return count == 0 ? 0.0 : of_these / double(count); };
  const double cycles_each = per(static_cast<double>(of.cycles), of.seen);
  return {{"nf", of.nf},
          {"packets_in", of.packets_in},
          {"bytes_in", of.bytes_in},
          {"created", of.created},
          {"packets_out", of.packets_out},
          {"bytes_out", of.bytes_out},
          {"next", of.next},
          {"to_port", of.to_port},
          {"to_service", of.to_service},
          {"dropped", of.dropped},
          {"held", of.held},
          {"refused", of.refused},
          {"dispatches", of.dispatches},
          {"cycles", of.cycles},
          {"cycles_per_packet", cycles_each},
          {"ns_per_packet", cycles_each * 1e9 / double(of.tsc_hz)},
          {"packets_per_dispatch", per(static_cast<double>(of.seen), of.dispatches)},
          {"elapsed_ms", of.elapsed_ms}};
}

Json perform(const Json& request) {
  if (request.contains("describe")) return roost::describe_module(request["describe"].get<std::string>());
  auto trial = std::make_unique<roost::Trial>(options_from(request));
  try {
    return report_of(trial->run());
  } catch (...) {
    static_cast<void>(trial.release());  // its NF may still run
    throw;
  }
}

}  // namespace

int main(int argc, char** argv) {
  int to = -1;
  const char* const text = argc == 3 ? argv[1] : "";
  if (argc != 3 || std::from_chars(text, text + std::strlen(text), to).ec != std::errc() || to < 0) {
    std::fputs("roost-try: 'roost try' and 'roost describe' start it: roost-try DESCRIPTOR REQUEST\n", stderr);
    return 2;
  }
  Json report;
  try {
    report = perform(roost::rpc_parse(argv[2]));
  } catch (const std::exception& error) {
    report = {{"error", error.what()}};
  }
  const std::string answer = roost::json_text(report);
  const bool told = write(to, answer.data(), answer.size()) == static_cast<ssize_t>(answer.size());
  std::fflush(nullptr);
  // Without clean-up: an NF may still run.
  _exit(told && !report.contains("error") ? 0 : 1);
}
