// SPDX-License-Identifier: BSD-3-Clause
// Numbers of the protocols that rules know by name.
#pragma once

#include <cstdint>

namespace roost::ip_protocol {

inline constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kDccp = 33, kIcmp6 = 58, kSctp = 132, kUdpLite = 136;

}  // namespace roost::ip_protocol
