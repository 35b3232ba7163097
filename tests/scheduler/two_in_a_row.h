// SPDX-License-Identifier: BSD-3-Clause
// A chain of two NFs in two hosts, of which the second has room for four packets: further ones wait in the loop.
#pragma once

#include <vector>

#include "tests/scheduler/loop_fixture.h"

namespace roost::test {

class TwoInARow : public LoopTest {
 protected:
  // Further chains are of the first NF alone.
  void two_in_a_row(uint16_t chains = 1) {
    std::vector<std::vector<uint16_t>> services(chains, {0});
    services[0] = {0, 1};
    build({.services = 2, .chains = services, .ports = static_cast<uint16_t>(chains + 1)});
    host_a = &add_host(0, 1);
    host_b = &add_host(1, 1, 2);
    add_nf(0, 0, *host_a, 0);
    add_nf(1, 1, *host_b, 0);
  }
  // So many packets, which the first has seen.
  void past_the_first(uint32_t count) {
    for (uint32_t tag = 0; tag < count; ++tag) put(1, tag);
    turns();
    for (const Descriptor& d : host_a->take(0)) host_a->answer(d, next().with_hops(1));
    turns();
  }

  FakeHost *host_a = nullptr, *host_b = nullptr;
};

}  // namespace roost::test
