// SPDX-License-Identifier: BSD-3-Clause
// What operators' requests carry, read: of the wanted type and whole, or refused.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/protocol.h"

namespace roost {

class BadParameters : public Error {
 public:
  using Error::Error;
};

// Neither rounded nor cut: what doesn't fit is refused.
template <typename T>
T whole_number(const Json& value, const char* name) {
  const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<uint64_t>())
                                               : value.is_number_integer() && std::in_range<T>(value.get<int64_t>());
  if (fits) return value.get<T>();
  throw BadParameters(fmt::format("'{}' must be a whole number, {} to {}", name, std::numeric_limits<T>::min(),
                                  std::numeric_limits<T>::max()));
}

inline std::vector<uint32_t> numbers(const Json& parameters, const char* name) {
  const Json& list = parameters.at(name);
  if (!list.is_array()) throw BadParameters(fmt::format("'{}' must be a list of numbers", name));
  std::vector<uint32_t> result;
  for (const Json& each : list) result.push_back(whole_number<uint32_t>(each, name));
  return result;
}

// A parameter of the wanted type; what is missing takes the standard value.
template <typename T>
T parameter(const Json& parameters, const char* name, T standard) {
  const auto found = parameters.find(name);
  if (found == parameters.end() || found->is_null()) return standard;
  try {
    if constexpr (std::is_same_v<T, bool> || !std::is_integral_v<T>)
      return found->get<T>();
    else
      return whole_number<T>(*found, name);
  } catch (const Json::exception&) {
    throw BadParameters(fmt::format("'{}' has the wrong type: {}", name, json_text(*found)));
  }
}

inline std::string required(const Json& parameters, const char* name) {
  const auto text = parameter<std::string>(parameters, name, "");
  if (text.empty()) throw BadParameters(fmt::format("'{}' is missing", name));
  return text;
}

}  // namespace roost
