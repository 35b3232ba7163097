// SPDX-License-Identifier: BSD-3-Clause
#include "cli/example_config.h"

#include <fmt/format.h>

namespace roost::cli {
namespace {

// Late packets are missed, as by a NIC, once there are this many.
constexpr uint32_t kBacklog_packets = 4'096;

// JSON's strings are TOML's basic strings.
std::string quoted(const std::string& text) { return json_text(Json(text)); }

std::string source(const ExampleConfig& example) {
  if (!example.capture.empty())
    return fmt::format("kind = \"pcap\"\nread = {}\npace = \"{}\"\nloop = true\n", quoted(example.capture),
                       example.line_pace ? "line" : "recorded");
  return fmt::format(
      "kind = \"generator\"\n"
      "rate_pps = {}\n"
      "flows = {}\n"
      "distribution = \"zipf\"  # a few flows carry much of the traffic\n"
      "imix = true  # 64, 570 and 1518 bytes as 7:4:1\n"
      "backlog_packets = {}\n",
      example.rate_pps, example.flows, kBacklog_packets);
}

}  // namespace

Json example_nf_config(const std::string& service) {
  if (service != "firewall") return Json::object();
  return {{"deny", {"tcp to any port 23"}}, {"default", "allow"}};
}

std::string example_config(const ExampleConfig& example) {
  std::string text = fmt::format(
      "# A manager with everything in memory: packets from \"in\" visit the chain's services and leave by \"out\".\n"
      "# The first core that may be used runs the data loop, the second one the NFs; a single one does both.\n"
      "\n[[ports]]\nname = \"in\"\nchain = \"chain\"\n{}"
      "\n[[ports]]\nname = \"out\"\nkind = \"null\"\n",
      source(example));
  std::string names;
  for (const auto& service : example.services) {
    text += fmt::format("\n[[services]]\nname = {}\n", quoted(service));
    names += (names.empty() ? "" : ", ") + quoted(service);
  }
  return text + fmt::format("\n[[chains]]\nname = \"chain\"\nservices = [{}]\nout = \"out\"\n", names);
}

}  // namespace roost::cli
