// SPDX-License-Identifier: BSD-3-Clause
// A manager with honest hosts under load, on a chain of their own, beside one for those that are not honest.
#pragma once

#include <csignal>

#include "tests/integration/manager_process.h"

namespace roost::test {

// In a thread-sanitized build what a host does to itself is reported as the test's failure: no place for hostile ones,
// nor for signals that its run time handles.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kHostileReported = true;
#else
inline constexpr bool kHostileReported = false;
#endif
inline int crash_signal() { return kSanitized ? SIGKILL : SIGSEGV; }

// As eventually(), but counted in looks, not in time: a machine that stood still for a while has not seen it fail.
inline bool comes_true(const std::function<bool()>& condition, uint32_t looks = kSanitized ? 12'000 : 3'000) {
  for (; looks != 0; --looks, pause_ms(5))
    if (condition()) return true;
  return false;
}

inline std::string two_chains(const std::string& hosts, uint32_t rate_pps = 20'000) {
  const std::string load = fmt::format("flows = 200\nrate_pps = {}\nbacklog_packets = 1000", scaled(rate_pps));
  return "[memory]\npackets = 8192\nhugepages = \"never\"\n[hosts]\n" + hosts + "\n" +
         port_generator("in0", "good", load) + port_null("out0") + port_generator("in1", "bad", load) +
         port_null("out1") + services({"honest", "hostile"}) + chain_of("good", {"honest"}, "out0") +
         chain_of("bad", {"hostile"}, "out1") + "\n[settings]\noverrun_us = 50000\nsweep_rows = 65536\nresume_ms = 0\n";
}

// What left by the honest ones' port.
inline uint64_t honest_packets(ManagerProcess& manager) {
  return manager.stats().at("ports").at(1).at("transmitted").get<uint64_t>();
}

inline bool honest_go_on(ManagerProcess& manager, uint64_t packets = 200) {
  const uint64_t before = honest_packets(manager);
  return comes_true([&] { return honest_packets(manager) > before + packets; });
}

// What left by any other port: ever, and timed like the rest.
inline uint64_t other_packets(ManagerProcess& manager) {
  uint64_t sum = 0;
  const Json stats = manager.stats();
  for (size_t i = 0; i < stats.at("ports").size(); ++i)
    if (i != 1) sum += stats.at("ports").at(i).at("transmitted").get<uint64_t>();
  return sum;
}

// All packets accounted for, and all memory back: nothing is held, and nothing is out of its pool.
inline void expect_all_back(ManagerProcess& manager) {
  manager.call("pause");
  EXPECT_TRUE(comes_true([&] { return manager.figure("held") == 0; })) << json_text(manager.stats(), 1);
  EXPECT_TRUE(comes_true([&] { return manager.figure("packets_in_use") == 0; })) << json_text(manager.stats(), 1);
  expect_balanced(manager.stats());
}

}  // namespace roost::test
