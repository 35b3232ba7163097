// SPDX-License-Identifier: BSD-3-Clause
// DPDK for tests: no hugepages, no PCI, no privilege, nothing left behind.
#pragma once

#include <cstdint>

struct rte_mempool;

namespace roost::test {

// Initialises EAL on the first call, with the calling thread as its main lcore; later calls do nothing. Throws
// Error where EAL refuses. The memory is used as it is touched.
void start_eal(uint32_t memory_mb = 256);

// A packet pool of its own for a test, freed with it. Buffers have `room_bytes` behind their headroom.
class Pool {
 public:
  explicit Pool(uint32_t packets = 4096, uint16_t room_bytes = 2048);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  rte_mempool* get() const noexcept { return pool_; }
  uint32_t in_use() const noexcept;

 private:
  rte_mempool* pool_;
};

}  // namespace roost::test
