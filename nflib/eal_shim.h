// SPDX-License-Identifier: BSD-3-Clause
// DPDK's libraries in a process that doesn't initialise EAL.
//
// Hosts don't call rte_eal_init: it takes 140 ms and 22 MB, and wants privileges that an NF must not have. Without it
// rte_malloc, memzones and pools fail, rte_lpm, rte_acl and rte_fbk_hash crash, and rte_get_tsc_hz() is 0. The
// executable that links eal_shim.cc and exports its symbols (CMake: ENABLE_EXPORTS) comes before librte_eal in the
// loader's search order, so that DPDK's own libraries call ours: the rte_malloc family and memzones on the C heap,
// tailqs, IO addresses that are virtual addresses, and the TSC's frequency. An executable that has these must not call
// rte_eal_init.
//
// With them, rte_hash (lock-free readers too), rte_lpm, rte_lpm6, rte_acl, rte_fbk_hash, rte_ring_create and, where a
// pool driver such as librte_mempool_ring is linked, rte_mempool_create work as documented by DPDK, except:
//  - `socket` arguments are ignored: memory is placed where it is first touched, and a host's threads stay on one node;
//  - a memzone's length can't be 0 ("all that there is");
//  - rte_malloc_get_socket_stats, rte_malloc_dump_* and rte_dump_tailq know nothing of what is allocated here.
#pragma once

#include <cstdint>

namespace roost {

// Sets what EAL would have found out at its start: the frequency of rte_rdtsc(), which the manager hands to its hosts
// rather than have each measure it, and the vector width that rte_acl and others may use. Allocation and tailqs work
// without it, from before main(). Any thread, any number of times; the last frequency counts. Throws Error if tsc_hz
// is 0.
void init_eal_shim(std::uint64_t tsc_hz);

// Gives the thread that makes it an lcore id for as long as it lives; destroyed by the same thread.
//
// For every thread that runs NFs: DPDK indexes arrays by rte_lcore_id() without a check where it caches by thread (an
// rte_hash with RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD crashes without an id), and pools cache only for threads that
// have one. The id says nothing about the core on which the thread runs. Throws Error if all RTE_MAX_LCORE ids are
// taken.
class EalThread {
 public:
  EalThread();
  ~EalThread();
  EalThread(const EalThread&) = delete;
  EalThread& operator=(const EalThread&) = delete;

 private:
  unsigned lcore_id_;
};

}  // namespace roost
