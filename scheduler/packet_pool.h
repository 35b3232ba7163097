// SPDX-License-Identifier: BSD-3-Clause
// The manager's packets: arenas that hosts map, and the private pool of mbufs whose buffers lie in them.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/packet_memory.h"
#include "core/shared_memory.h"

namespace roost {

// DPDK's environment, once a process: without hugepages of its own, files shared with other processes, or PCI but for
// `cards`, each an address and its driver's parameters, if any.
// `private_mib` is address space for mbufs and tables; it costs memory as it is used. Throws Error.
void init_eal(const std::string& name, uint32_t private_mib, const std::vector<std::string>& cards = {});
void end_eal() noexcept;  // when nothing of it is in use any more

struct DomainOptions {
  std::string name;
  uint32_t packets = 32768;
};

struct PacketPoolOptions {
  std::string name = "packets";
  uint32_t packets = 32768;  // of the domain that is always there
  int numa_node = -1;        // where their memory is, -1: wherever it is touched first
  Hugepages hugepages = Hugepages::automatic;
  uint32_t mbuf_cache = 256;
  bool several_loops = false;            // take packets from it, and give them back
  std::vector<DomainOptions> domains{};  // besides
};

class PacketPool {
 public:
  // What its hosts can see, and nobody else: an arena, and as many packets as it has are all that they can hold.
  struct Domain {
    std::string name;
    uint32_t first, packets;  // its handles
    SharedMemory memory;
    rte_mempool* pool;

    uint32_t in_use() const noexcept { return rte_mempool_in_use_count(pool); }
  };

  explicit PacketPool(const PacketPoolOptions& options);  // throws Error, which says how much memory is missing
  ~PacketPool();
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  const std::vector<Domain>& domains() const noexcept { return domains_; }
  rte_mempool* pool(size_t domain = 0) const noexcept { return domains_[domain].pool; }
  // One more than the largest handle. Below it are some that there are not, between two domains: nobody owns those.
  uint32_t handle_bound() const noexcept { return handle_bound_; }
  bool valid(uint32_t handle) const noexcept { return handle < handle_bound_; }
  uint8_t domain_of(uint32_t handle) const noexcept { return domain_of_[handle / kDomainHandles]; }
  // A domain's packets to be had by the calling thread, as good as: those in other threads' caches are left out, so
  // that it costs two loads whatever the number of threads.
  uint32_t free_here(size_t domain = 0) const noexcept;
  // Packets that are in no pool: with ports, in the loop, or out with hosts.
  uint32_t in_use() const noexcept;

  static uint32_t handle_of(const rte_mbuf* packet) noexcept { return handle_at(packet->buf_addr); }

 private:
  void add_domain(const PacketPoolOptions& options, const DomainOptions& domain);

  std::vector<Domain> domains_;
  std::array<uint8_t, kDomainsMax> domain_of_{};  // by handle / kDomainHandles
  uint32_t handle_bound_ = 0;
};

}  // namespace roost
