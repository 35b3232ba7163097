// SPDX-License-Identifier: BSD-3-Clause
// Calls what no host has.
#include <roost/nf.h>

extern "C" void roost_test_symbol_that_nobody_has();

class Lost final : public roost::Nf {
 public:
  void process(roost::Burst&) noexcept override { roost_test_symbol_that_nobody_has(); }
};
ROOST_NF(Lost)
