// SPDX-License-Identifier: BSD-3-Clause
// What waits for an NF at most: the host holds to it, and the manager says so before it asks.
#pragma once

#include <cstddef>

namespace roost {

inline constexpr size_t kMessagesMax = 64;
inline constexpr size_t kMessageBytesMax = 4096;  // of each message

}  // namespace roost
