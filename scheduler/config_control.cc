// SPDX-License-Identifier: BSD-3-Clause
// [control]: who may say what on the control socket.
#include <charconv>

#include "core/error.h"
#include "scheduler/config_parts.h"

namespace roost {
namespace {

void read_accounts(TableReader& reader, std::string_view key, Accounts& accounts) {
  const toml::array* array = reader.array(key);
  if (array == nullptr) return;
  for (const toml::node& item : *array) {
    const auto* word = item.as_string();
    if (word == nullptr || word->get().empty() || word->get() == "@") {
      reader.problems().add(item.source(), "[control]: '{}' lists users, \"alice\", and groups, \"@staff\"", key);
      continue;
    }
    try {
      add_account(accounts, word->get());
    } catch (const Error& error) {
      reader.problems().add(item.source(), "[control]: '{}': {}", key, error.what());
    }
  }
}

std::optional<uint32_t> read_mode(TableReader& reader) {
  const auto text = reader.text("mode");
  if (!text) return std::nullopt;
  uint32_t mode = 0;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, mode, 8);
  if (read.ec == std::errc() && read.ptr == end && mode <= 0777 && (mode & 0600) == 0600) return mode;
  reader.problems().add(reader.where("mode"),
                        "[control]: mode '{}' is none of a socket; give octal digits, its user's with 6: \"0660\"",
                        *text);
  return std::nullopt;
}

}  // namespace

void read_control(TableReader& root, ManagerConfig::Control& control) {
  const toml::table* table = root.table("control");
  if (table == nullptr) return;
  TableReader reader(*table, "[control]", root.problems());
  read_accounts(reader, "operators", control.operators);
  read_accounts(reader, "observers", control.observers);
  control.mode = read_mode(reader);
  if (const auto name = reader.text("group")) {
    try {
      control.group = group_named(*name);
    } catch (const Error& error) {
      reader.problems().add(reader.where("group"), "[control]: 'group': {}", error.what());
    }
  }
  reader.finish();
}

}  // namespace roost
