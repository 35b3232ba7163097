// SPDX-License-Identifier: BSD-3-Clause
// Control groups (cgroups(7)), one for each host, by which the kernel holds hosts to their memory and threads. Version
// 1 and version 2, and of each controller the one that the machine has. They are made below the manager's own group, in
// a folder that names the manager, so that the next one removes what a manager that was killed has left.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace roost {

struct HostLimits {
  uint32_t memory_max_mib = 0;  // of one host; 0: no limit
  uint32_t pids_max = 0;        // threads of one host; 0: no limit
  bool any() const noexcept { return memory_max_mib != 0 || pids_max != 0; }
};

// A process's own group for one controller.
struct GroupFolder {
  int version = 0;  // 0: the machine has none
  std::string path{};
};
// From /proc/self/mountinfo and /proc/self/cgroup. In version 2, whether it has the controller is for its
// cgroup.controllers to say.
GroupFolder own_group(std::string_view controller, std::string_view mountinfo, std::string_view membership);

class HostGroups {
 public:
  // Makes the folders, and removes what managers that are gone have left there. Throws Error where limits are asked for
  // that cannot be kept: no such controller, or no right to make groups.
  explicit HostGroups(const HostLimits& limits);
  ~HostGroups();
  HostGroups(const HostGroups&) = delete;
  HostGroups& operator=(const HostGroups&) = delete;

  // `host`: a number that no other host has had. Throws Error; what was made of the group is gone then.
  void add(uint32_t host, pid_t pid);
  // Whether the kernel has killed the host for want of memory. Until it is removed.
  bool out_of_memory(uint32_t host) const;
  // When its process has ended. One that the kernel does not let go yet goes with a later one.
  void remove(uint32_t host) noexcept;

  const HostLimits& limits() const noexcept { return limits_; }

 private:
  struct Hierarchy {
    GroupFolder own{};                    // the manager's
    std::string ours{};                   // below it: the hosts' folders are in it
    bool enabled = false, moved = false;  // version 2: what the manager had to do to its own group
  };
  void prepare(Hierarchy& hierarchy, const std::string& controller);
  void enable(Hierarchy& hierarchy, const std::string& controller);
  void put_back(Hierarchy& hierarchy, const std::string& controller) noexcept;
  bool remove_folders(uint32_t host) noexcept;

  HostLimits limits_;
  Hierarchy memory_, pids_;
  std::set<uint32_t> leaving_;
};

}  // namespace roost
