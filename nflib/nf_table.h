// SPDX-License-Identifier: BSD-3-Clause
// The NFs that live in a host: made, started and destroyed here. Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/host_region.h"
#include "nflib/module.h"
#include "nflib/nf_ids.h"
#include "nflib/worker.h"

namespace roost {

using Numbers = std::map<std::string, uint16_t, std::less<>>;

// NF i of `count` has index first + i in the host, and id first_id + i in the manager.
struct StartRequest {
  uint32_t first = 0, count = 0, first_id = 0;
  std::string config;  // JSON
  Numbers services, ports;
  std::vector<uint32_t> quarantined{};  // which of them, counted from 0, in order: those get nothing until brought back
};

class NfTable {
 public:
  NfTable(Worker& worker, const HostRegion& region);
  ~NfTable();  // destroys what lives; the worker's thread has ended

  // All of them, or none and an exception: Error for a request that cannot be, else what the NF threw, with its id.
  void start(std::shared_ptr<const Module> module, StartRequest request);

  // Destroys NFs. The manager delivers nothing more to them and has back what they held. Throws Error, with nothing
  // changed, where one doesn't live or waits in the middle of process(), or where the worker doesn't let go of them
  // since an NF keeps it.
  void stop(uint32_t first, uint32_t count);

  // Places that hold NFs, in order.
  std::vector<uint32_t> places() const;
  // Whether these NFs, started together, live here as this says: numbers, places and inboxes.
  bool has(const StartRequest& group) const noexcept;

  // A message to NFs by the manager's numbers. Returns how many took it.
  uint32_t tell(uint32_t first_id, uint32_t count, std::string_view message);

 private:
  struct Group;

  void check(const StartRequest& request) const;
  void destroy(uint32_t index) noexcept;

  Worker& worker_;
  const HostRegion region_;
  NfIds ids_;
  std::vector<Group*> groups_;  // by NF index: whose it is, null for none; a group goes with its last NF
};

}  // namespace roost
