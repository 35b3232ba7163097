// SPDX-License-Identifier: BSD-3-Clause
// An NF's configuration, read key by key in start():
//
//   void start(roost::Context& context) override {
//     const roost::Config config(context.config());
//     cycles_ = config.number("cycles", 0, 1'000'000'000).value_or(0);
//     if (const auto out = config.text("out")) verdict_ = roost::out(context.port(*out));
//   }
//
// A value of the wrong kind or out of range is a std::runtime_error that says what is right; thrown from start(), it
// becomes the text with which the spawn fails. The host reads the JSON, so that a module is built without a library
// for it; an NF with a configuration of more levels brings one of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roost {

class Config {
 public:
  explicit Config(std::string_view json);  // an object
  ~Config();
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  bool has(std::string_view key) const;
  std::vector<std::string> keys() const;
  // Nothing where the key is not there.
  std::optional<std::string> text(std::string_view key) const;
  std::optional<uint64_t> number(std::string_view key, uint64_t least, uint64_t most) const;
  std::optional<double> real(std::string_view key, double least, double most) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::vector<std::string>> texts(std::string_view key) const;  // a list

 private:
  struct Fields;
  std::unique_ptr<const Fields> fields_;
};

}  // namespace roost
