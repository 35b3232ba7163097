// SPDX-License-Identifier: BSD-3-Clause
#include "cli/private_manager.h"

#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "cli/figures.h"
#include "cli/modules.h"
#include "core/error.h"

namespace roost::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{1'000}, kWarmUp{500}, kCatchUpPatience{15'000};
constexpr double kStillFalling = 0.97;  // of the rate a moment ago
constexpr milliseconds kEndLook{500};   // for a manager that has just gone

ManagerOptions options_in(const TempFolder& folder, const std::string& config) {
  ManagerOptions options;
  options.program = program_folder() / "roostd";
  options.config_path = folder.file("roost.toml");
  options.socket = folder.file("roost.sock");
  options.log = folder.file("roostd.log");
  options.paused = true;  // no packet comes before the NFs are there
  std::ofstream(options.config_path) << config;
  return options;
}

}  // namespace

TempFolder::TempFolder(const std::string& name) {
  std::string pattern = std::filesystem::temp_directory_path() / ("roost-" + name + "-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr) fail_errno("{}: cannot make a folder like '{}'; set TMPDIR", name, pattern);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

PrivateManager::PrivateManager(const std::string& name, const std::string& config)
    : folder_(name), process_(options_in(folder_, config)) {}

void PrivateManager::fail_with_log(const std::string& what) {
  process_.wait_for_end(kEndLook);
  fail("{}{}", what, process_.last_words());
}

void warm_up(Client& client, const Interrupts& interrupts, bool catches_up) {
  client.call("resume");
  interrupts.wait(kWarmUp);
  if (!catches_up) return;
  double rate_before = INFINITY;
  Json now = client.call("stats");
  for (auto waited = milliseconds(0); waited < kCatchUpPatience; waited += kLook) {
    const Json before = std::move(now);
    interrupts.wait(kLook);
    now = client.call("stats");
    const double rate = (number_of(now, "received") - number_of(before, "received")) /
                        std::max(1e-3, number_of(now, "uptime_s") - number_of(before, "uptime_s"));
    if (rate > rate_before * kStillFalling) return;
    rate_before = rate;
  }
}

}  // namespace roost::cli
