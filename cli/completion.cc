// SPDX-License-Identifier: BSD-3-Clause
#include "cli/completion.h"

#include <fmt/format.h>

#include "cli/commands.h"

namespace roost::cli {
namespace {

// Where the program offers nothing, files are: captures, modules, configurations.
constexpr const char* kBash = R"(# bash completion for roost: source it, or keep it in /etc/bash_completion.d
_roost() {
  local line cut=$((COMP_CWORD))
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("${line%%$'\t'*}")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:cut}" 2>/dev/null)
  if [ ${#COMPREPLY[@]} -eq 0 ]; then
    compopt -o default 2>/dev/null
  fi
}
complete -F _roost roost
)";

constexpr const char* kZsh = R"(#compdef roost
# zsh completion for roost: keep it as _roost in a folder of $fpath, or source it behind compinit
_roost() {
  local line
  local -a offers
  while IFS= read -r line; do
    offers+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( ${#offers} )); then
    _describe roost offers
  else
    _files
  fi
}
if [ "${funcstack[1]}" = _roost ]; then
  _roost "$@"
else
  compdef _roost roost
fi
)";

int print_script(const std::string& shell) {
  fmt::print("{}", shell == "bash" ? kBash : kZsh);
  return kFine;
}

}  // namespace

int complete(const Command& program, int argc, const char* const* argv) {
  std::vector<std::string> words(argv + 2, argv + argc);
  if (words.empty()) words.emplace_back();
  for (const auto& word : program.completions(words)) fmt::print("{}\t{}\n", word.text, word.meaning);
  return kFine;
}

void add_completion(Command& program, Invocation&) {
  Command& command = program.add("completion", "print what a shell needs to complete roost's commands");
  command.examples(
      "  source <(roost completion bash)\n"
      "  roost completion bash > /etc/bash_completion.d/roost\n"
      "  roost completion zsh > ~/.zsh/functions/_roost");
  auto& shell = command.keep<std::string>();
  command.positional("shell", shell, "bash or zsh").required().one_of({"bash", "zsh"});
  command.runs([&] { return print_script(shell); });
}

}  // namespace roost::cli
