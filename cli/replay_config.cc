// SPDX-License-Identifier: BSD-3-Clause
#include "cli/replay_config.h"

#include <toml++/toml.h>
#include <sstream>

#include "core/error.h"

namespace roost::cli {
namespace {

// What a port of any kind may have; the rest is of its kind.
constexpr const char* kKept[] = {"name", "chain", "domain", "io"};

std::string toml_text(const toml::table& table, const char* key) { return table[key].value_or(std::string()); }

// Of several queues one is left: a capture has no more.
void keep(const toml::table& from, toml::table& into, const char* key) {
  const toml::node* node = from.get(key);
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  if (list != nullptr && list->empty()) return;
  into.insert_or_assign(key, list != nullptr ? *list->get(0) : *node);
}

toml::table silent(const toml::table& port) {
  toml::table changed;
  for (const char* key : kKept) keep(port, changed, key);
  changed.insert_or_assign("kind", "null");
  return changed;
}

bool is_wanted(const toml::table& port, const Replay& replay) {
  return replay.port.empty() ? !toml_text(port, "chain").empty() : toml_text(port, "name") == replay.port;
}

}  // namespace

std::string replay_config(const std::string& text, const std::string& name, const Replay& replay) {
  toml::table config;
  try {
    config = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    fail("{}:{}:{}: {}", name, error.source().begin.line, error.source().begin.column, error.description());
  }
  const toml::array* ports = config["ports"].as_array();
  if (ports == nullptr) fail("{}: there are no [[ports]] by which a capture could come in", name);
  toml::array changed;
  bool found = false;
  for (const toml::node& node : *ports) {
    const toml::table* port = node.as_table();
    if (port == nullptr) fail("{}: a port is no table; write [[ports]]", name);
    toml::table now = silent(*port);
    if (!found && is_wanted(*port, replay)) {
      found = true;
      now.insert_or_assign("kind", "pcap");
      now.insert_or_assign("read", replay.capture);
      now.insert_or_assign("pace", "recorded");
      now.insert_or_assign("loop", true);
    }
    changed.push_back(std::move(now));
  }
  if (!found && !replay.port.empty()) fail("{}: there is no port '{}'", name, replay.port);
  if (!found) fail("{}: no port has a chain that a capture could take; --port says by which one it comes in", name);
  config.insert_or_assign("ports", std::move(changed));
  return (std::ostringstream() << config << "\n").str();
}

}  // namespace roost::cli
