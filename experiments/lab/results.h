// SPDX-License-Identifier: BSD-3-Clause
// A folder of results: result.json, all of it, and rows.csv, the figures' medians and ranges as a table. Written anew
// after each life (to a file beside, then renamed), so that an interruption loses the life under way and no more.
#pragma once

#include <filesystem>
#include <string>

#include "core/protocol.h"

namespace roost::experiment {

class Results {
 public:
  // A new folder; throws Error where something of that name is there already. An empty `folder`: results/NAME/TIME
  // below `root`.
  static Results create(const std::string& folder, const std::string& root, const std::string& experiment);
  // One that was begun. Throws Error where it is none, or has no right form.
  static Results open(const std::string& folder);

  const std::filesystem::path& folder() const noexcept { return folder_; }
  Json& json() noexcept { return json_; }

  // The row's record; empty figures and no lives if it is new.
  Json& row(const Json& parameters);
  size_t lives_of(const Json& parameters) const;
  void add_life(const Json& parameters, Json life);
  void save() const;  // throws Error where the disk is full, and the like

 private:
  explicit Results(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
  Json json_ = Json::object();
};

// For people and for `date`: "2026-01-31T12:30:00Z"; and for folders: "20260131-123000".
std::string utc_text();
std::string utc_folder();

// Of result.json in a folder, or of a file. Throws Error.
Json read_result(const std::string& path);

// Medians and ranges of all figures, a line a row.
std::string rows_csv(const Json& result);

}  // namespace roost::experiment
