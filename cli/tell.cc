// SPDX-License-Identifier: BSD-3-Clause
// roost tell: a message to an NF, or to all of a service.
#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "cli/commands.h"
#include "cli/figures.h"

namespace roost::cli {
namespace {

struct TellOptions {
  std::vector<std::string> words;
  std::string service;
};

Json what(const TellOptions& options) {
  const auto& words = options.words;
  if (words.size() != (options.service.empty() ? 2 : 1))
    throw UsageError("tell: say whom and what: NF TEXT, or --service S TEXT; quote a text of several words");
  if (!options.service.empty()) return {{"service", options.service}, {"text", words[0]}};
  const char* const end = words[0].data() + words[0].size();
  uint32_t nf = 0;
  const auto parsed = std::from_chars(words[0].data(), end, nf);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    throw UsageError(fmt::format("tell: '{}' is no NF; it takes a number ('roost ps' lists them)", words[0]));
  return {{"nf", nf}, {"text", words[1]}};
}

int tell(const TellOptions& options, const Invocation& invocation) {
  const Json parameters = what(options);  // wrong usage needs no manager
  const Json answer = invocation.connect().call("tell", parameters);
  const uint64_t told = count_of(answer, "told"), refused = count_of(answer, "refused");
  if (!invocation.printed_as_json(answer)) {
    fmt::print("{} NF{} told\n", told, told == 1 ? "" : "s");
    if (refused != 0) fmt::print("{} took no more: too many messages wait for them already; try again\n", refused);
  }
  return refused == 0 ? kFine : kFailed;
}

}  // namespace

void add_tell(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "tell", "send a message to NFs",
                                 "  roost tell 7 reload\n"
                                 "  roost tell --service firewall \"log on\"\n"
                                 "What a message means is the NF's to say; one that knows none ignores it.");
  auto& options = command.keep<TellOptions>();
  command.positional("words", options.words, "the NF's number ('roost ps' lists them) and the text");
  command.option("--service", options.service, "all NFs of this service; then only the text follows");
  add_json_flag(command, invocation);
  command.runs([&] { return tell(options, invocation); });
}

}  // namespace roost::cli
