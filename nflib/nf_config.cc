// SPDX-License-Identifier: BSD-3-Clause
#include <roost/config.h>

#include "core/error.h"
#include "core/protocol.h"

namespace roost {

struct Config::Fields {
  Json object;

  // Null where the key is not there.
  const Json* find(std::string_view key) const {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }
};

Config::Config(std::string_view json) : fields_(std::make_unique<const Fields>(rpc_parse(json))) {
  if (!fields_->object.is_object()) fail("the configuration is no JSON object");
}

Config::~Config() = default;

bool Config::has(std::string_view key) const { return fields_->find(key) != nullptr; }

std::vector<std::string> Config::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : fields_->object.items()) keys.push_back(key);
  return keys;
}

std::optional<std::string> Config::text(std::string_view key) const {
  const Json* const value = fields_->find(key);
  if (value == nullptr) return {};
  if (!value->is_string()) fail("\"{}\" is a text", key);
  return value->get<std::string>();
}

std::optional<uint64_t> Config::number(std::string_view key, uint64_t least, uint64_t most) const {
  const Json* const value = fields_->find(key);
  if (value == nullptr) return {};
  const uint64_t number = value->is_number_unsigned() ? value->get<uint64_t>() : 0;
  if (!value->is_number_unsigned() || number < least || number > most)
    fail("\"{}\" is a whole number from {} to {}", key, least, most);
  return number;
}

std::optional<double> Config::real(std::string_view key, double least, double most) const {
  const Json* const value = fields_->find(key);
  if (value == nullptr) return {};
  const double number = value->is_number() ? value->get<double>() : 0;
  if (!value->is_number() || !(number >= least && number <= most))
    fail("\"{}\" is a number from {} to {}", key, least, most);
  return number;
}

std::optional<bool> Config::flag(std::string_view key) const {
  const Json* const value = fields_->find(key);
  if (value == nullptr) return {};
  if (!value->is_boolean()) fail("\"{}\" is true or false", key);
  return value->get<bool>();
}

std::optional<std::vector<std::string>> Config::texts(std::string_view key) const {
  const Json* const value = fields_->find(key);
  if (value == nullptr) return {};
  std::vector<std::string> texts;
  if (!value->is_array()) fail("\"{}\" is a list of texts", key);
  for (const Json& text : *value) {
    if (!text.is_string()) fail("\"{}\" is a list of texts; {} is none", key, json_text(text));
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

}  // namespace roost
