// SPDX-License-Identifier: BSD-3-Clause
// What an NF is started with, by tests: a configuration and nothing else.
#pragma once

#include <roost/nf.h>

#include <string>

#include "core/protocol.h"

namespace roost::test {

class FixedContext final : public roost::Context {
 public:
  explicit FixedContext(const Json& config) : config_(json_text(config)) {}
  uint32_t nf_id() const noexcept override { return 1; }
  std::string_view config() const noexcept override { return config_; }
  uint16_t service(std::string_view) const override { return 0; }
  uint16_t port(std::string_view) const override { return 0; }
  void reserve_packets(uint32_t) override {}
  rte_mempool* pool() noexcept override { return nullptr; }
  void send(rte_mbuf*, roost::Verdict) noexcept override {}
  TimerId every(std::chrono::milliseconds) override { return TimerId::none; }
  TimerId after(std::chrono::milliseconds) override { return TimerId::none; }
  void cancel(TimerId) noexcept override {}
  bool post(uint32_t, std::string_view) noexcept override { return false; }

 private:
  std::string config_;
};

}  // namespace roost::test
