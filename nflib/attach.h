// SPDX-License-Identifier: BSD-3-Clause
// How a host comes by its memory: it connects to the manager, shows its token and is handed descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/host_region.h"
#include "core/protocol.h"
#include "core/shared_memory.h"
#include "nflib/confinement.h"

namespace roost {

// All that the manager hands to a host, mapped. The descriptors of the memory are closed: NFs can't pass it on.
struct Attachment {
  FileDescriptor manager;  // the control connection
  FileDescriptor eventfd;  // wakes the manager
  HostLayout layout;
  SharedMemory region;  // writable
  SharedMemory paths;   // read-only
  std::vector<SharedMemory> arenas;
  uint32_t host = 0;  // the manager's number for this host
  uint64_t tsc_hz = 0;
  int core = -1;           // of the worker, -1: any
  size_t stack_bytes = 0;  // of each NF that is suspended
};

// `socket` is the operators' socket; hosts connect to the one beside it. Throws Error.
// `user`: whom it becomes in between: the manager's sockets are its own user's only, what it hands over is not.
Attachment attach_to_manager(const std::string& socket, const std::string& token,
                             const std::optional<HostUser>& user = std::nullopt);

// What another manager hands to a host that has attached to one before it, in the old memory's place and at the same
// addresses. The descriptors are those of attaching. Throws Error, where the memory is of another shape, with nothing
// changed.
class Replacement {
 public:
  Replacement(const Attachment& in_place_of, const Json& parameters, std::vector<FileDescriptor>& descriptors);
  int eventfd() const noexcept { return descriptors_[2].get(); }
  // Throws Error; then some memory is gone, and the process is to end. Mapped memory's descriptors are closed.
  void map_over(Attachment& in_place_of);

 private:
  std::vector<FileDescriptor> descriptors_;
};

// Of an attach answer: throws Error where the numbers contradict each other.
HostLayout layout_from(const Json& parameters, size_t region_bytes);

}  // namespace roost
