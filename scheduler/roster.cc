// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/roster.h"

#include "core/error.h"
#include "core/memory_text.h"

namespace roost {

Roster::Roster() : memory_(text_in_memory("roost-roster", "")) {}

bool Roster::put(const std::string& key, const Json& value) {
  std::string line = json_text({{"key", key}, {"value", value}}) + "\n";
  std::string& was = lines_[key];
  if (was == line) return false;
  live_ += line.size() - was.size();
  was = std::move(line);
  return append(was);
}

bool Roster::erase(const std::string& key) {
  const auto found = lines_.find(key);
  if (found == lines_.end()) return false;
  live_ -= found->second.size();
  lines_.erase(found);
  return append(json_text({{"key", key}}) + "\n");
}

bool Roster::append(const std::string& line) {
  if (written_ + line.size() <= 2 * live_ + kSlack) {
    append_text(memory_.get(), written_, line);
    written_ += line.size();
    return false;
  }
  std::string text;
  for (const auto& [key, each] : lines_) text += each;
  memory_ = text_in_memory("roost-roster", text);
  written_ = text.size();
  return true;
}

Roster::Entries Roster::read(std::string_view text) {
  Entries entries;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    const Json line = rpc_parse(text.substr(0, end));
    const auto key = line.is_object() ? line.find("key") : line.end();
    if (key == line.end() || !key->is_string()) fail("roster: there is a line that is no entry");
    const auto value = line.find("value");
    if (value == line.end())
      entries.erase(key->get<std::string>());
    else
      entries[key->get<std::string>()] = *value;
  }
  return entries;
}

}  // namespace roost
