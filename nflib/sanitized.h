// SPDX-License-Identifier: BSD-3-Clause
// Whether this is a build with a sanitizer whose run time handles signals and makes system calls of its own.
#pragma once

namespace roost {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace roost
