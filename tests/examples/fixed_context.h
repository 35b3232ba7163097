// SPDX-License-Identifier: BSD-3-Clause
// What an NF is started with, by tests: a configuration and nothing else.
#pragma once

#include <roost/nf.h>

#include <nlohmann/json.hpp>
#include <string>

namespace roost::test {

class FixedContext final : public roost::Context {
 public:
  explicit FixedContext(const nlohmann::json& config) : config_(config.dump()) {}
  uint32_t nf_id() const noexcept override { return 1; }
  std::string_view config() const noexcept override { return config_; }
  uint16_t service(std::string_view) const override { return 0; }
  uint16_t port(std::string_view) const override { return 0; }
  void reserve_packets(uint32_t) override {}
  rte_mempool* pool() noexcept override { return nullptr; }
  void send(rte_mbuf*, roost::Verdict) noexcept override {}

 private:
  std::string config_;
};

}  // namespace roost::test
