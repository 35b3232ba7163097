// SPDX-License-Identifier: BSD-3-Clause
#include "cli/nf_ranges.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/command.h"

namespace roost::cli {
namespace {

constexpr uint32_t kRangeMax = 100'000;  // keeps the request within a manager's limit

}  // namespace

std::vector<uint32_t> numbers_of(std::string_view command, const std::vector<std::string>& words,
                                 std::string_view instead, std::string_view kind) {
  std::vector<uint32_t> nfs;
  for (const auto& word : words) {
    const char* const end = word.data() + word.size();
    uint32_t first = 0;
    auto parsed = std::from_chars(word.data(), end, first);
    uint32_t last = first;
    if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '-')
      parsed = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed.ec != std::errc() || parsed.ptr != end || last < first)
      throw UsageError(
          fmt::format("{}: '{}' is no {}; it takes numbers such as 7, and ranges such as 7-12", command, word, kind));
    if (nfs.size() + (last - first) >= kRangeMax)
      throw UsageError(fmt::format("{}: more than {} {}s by number; use {}", command, kRangeMax, kind, instead));
    for (uint32_t nf = first;; ++nf) {
      nfs.push_back(nf);
      if (nf == last) break;
    }
  }
  return nfs;
}

}  // namespace roost::cli
