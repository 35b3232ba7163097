// SPDX-License-Identifier: BSD-3-Clause
// The parameters of a request, taken out with their kind and range checked: the sender may be confused.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/protocol.h"

namespace roost {

// Thrown where a parameter is missing or out of range.
class ParameterError : public Error {
 public:
  using Error::Error;
};

inline const Json& take_parameter(const Json& parameters, const char* name) {
  const auto found = parameters.is_object() ? parameters.find(name) : parameters.end();
  if (found == parameters.end()) throw ParameterError(fmt::format("parameter '{}' is missing", name));
  return *found;
}

template <typename Number = uint32_t>
Number take_number(const Json& parameters, const char* name, Number least, Number most) {
  const Json& value = take_parameter(parameters, name);
  const bool fits =
      value.is_number_unsigned()
          ? std::cmp_greater_equal(value.get<uint64_t>(), least) && std::cmp_less_equal(value.get<uint64_t>(), most)
          : value.is_number_integer() && std::cmp_greater_equal(value.get<int64_t>(), least) &&
                std::cmp_less_equal(value.get<int64_t>(), most);
  if (!fits)
    throw ParameterError(
        fmt::format("parameter '{}' is {}; it is a whole number from {} to {}", name, json_text(value), least, most));
  return value.get<Number>();
}

inline const std::string& take_text(const Json& parameters, const char* name) {
  const Json& value = take_parameter(parameters, name);
  if (!value.is_string()) throw ParameterError(fmt::format("parameter '{}' is not a string", name));
  return value.get_ref<const std::string&>();
}

}  // namespace roost
