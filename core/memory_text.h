// SPDX-License-Identifier: BSD-3-Clause
// Texts that are handed to another process as a descriptor: they may be longer than a message.
#pragma once

#include <string>
#include <string_view>

#include "core/shared_memory.h"

namespace roost {

FileDescriptor text_in_memory(const std::string& name, std::string_view text);  // throws Error
void append_text(int fd, size_t at, std::string_view text);                     // throws Error
std::string text_of(int fd);                                                    // all of it; throws Error

}  // namespace roost
