// SPDX-License-Identifier: BSD-3-Clause
// The packet pool that a host's NFs see: an rte_mempool whose `get` takes packets that the manager has granted and
// whose `put` gives packets back. It holds no packets of its own. `get` gives packets to the worker's thread only;
// `put` may be called on any thread of the host.
#pragma once

#include <rte_mempool.h>

#include <cstdint>

namespace roost {

// Where granted handles come from and freed ones go to; the worker.
class PacketSource {
 public:
  virtual ~PacketSource() = default;
  virtual uint32_t take_granted() noexcept = 0;  // a handle, kNoHandle while there is none
  virtual void give_back(uint32_t handle) noexcept = 0;
};

// The process's one stub pool: views name it in their `pool`, so rte_pktmbuf_alloc, clone and free work in NFs. Made
// without EAL. Throws Error.
rte_mempool* make_stub_pool(PacketSource& source);

// A view as of a packet just allocated: empty, direct, one segment, one reference.
void init_view(uint32_t handle, rte_mempool* pool) noexcept;

}  // namespace roost
