// SPDX-License-Identifier: BSD-3-Clause
// Where the program is, and where a module's bare name leads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace roost::cli {

// The folder of this program: roostd lies in it, and modules in ../nf beside it.
std::filesystem::path program_folder();

// Each folder of ROOST_MODULE_PATH (between colons), then `built_in`.
std::vector<std::filesystem::path> module_folders(const std::filesystem::path& built_in);

// The absolute path of a module named by path ("./bridge.so") or by name ("bridge"). Throws Error that says where it
// was looked for, and which modules are there.
std::string find_module(const std::string& name, const std::vector<std::filesystem::path>& folders);

}  // namespace roost::cli
