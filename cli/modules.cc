// SPDX-License-Identifier: BSD-3-Clause
#include "cli/modules.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace roost::cli {

std::filesystem::path program_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

std::vector<std::filesystem::path> module_folders(const std::filesystem::path& built_in) {
  std::vector<std::filesystem::path> folders;
  const char* variable = std::getenv("ROOST_MODULE_PATH");
  std::string_view rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    const auto folder = rest.substr(0, rest.find(':'));
    if (!folder.empty()) folders.emplace_back(folder);
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
  }
  folders.push_back(built_in);
  return folders;
}

std::string find_module(const std::string& name, const std::vector<std::filesystem::path>& folders) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (name.find('/') != std::string::npos) {
    for (const auto& candidate : {fs::path(name), fs::path(name + ".so")})
      if (fs::is_regular_file(candidate, ignored)) return fs::canonical(candidate).string();
    fail(
        "module '{}': there is no such file; build it with roost_add_nf(), or name it without a '/' to have it looked "
        "for",
        name);
  }
  std::vector<std::string> present;
  std::string places, listing;
  for (const auto& folder : folders) {
    for (const auto& candidate : {folder / (name + ".so"), folder / name})
      if (!name.empty() && fs::is_regular_file(candidate, ignored)) return fs::canonical(candidate).string();
    places += (places.empty() ? "" : ", ") + folder.lexically_normal().string();
    for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored))
      if (entry->path().extension() == ".so") present.push_back(entry->path().stem().string());
  }
  std::sort(present.begin(), present.end());
  present.erase(std::unique(present.begin(), present.end()), present.end());
  for (const auto& module : present) listing += (listing.empty() ? "" : ", ") + module;
  const std::vector<std::string_view> candidates(present.begin(), present.end());
  const auto nearest = nearest_word(name, candidates);
  fail("module '{}': not in {}; {}{}", name, places,
       nearest.empty() ? std::string() : fmt::format("did you mean '{}'? ", nearest),
       listing.empty()
           ? std::string("no modules are there: build some, set ROOST_MODULE_PATH, or give a path with a '/'")
           : "modules there: " + listing);
}

}  // namespace roost::cli
