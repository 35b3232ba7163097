// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/stub_pool.h"

#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/packet_memory.h"

namespace roost {
namespace {

constexpr char kOpsName[] = "roost_stub";

PacketSource& source_of(const rte_mempool* pool) noexcept { return *static_cast<PacketSource*>(pool->pool_data); }

int no_alloc(rte_mempool*) noexcept { return 0; }

// All or nothing, as rte_mempool promises: what was taken for a bulk that cannot be had whole goes back.
int dequeue(rte_mempool* pool, void** objects, unsigned count) noexcept {
  PacketSource& source = source_of(pool);
  for (unsigned taken = 0; taken < count; ++taken) {
    const uint32_t handle = source.take_granted();
    if (handle == kNoHandle) {
      while (taken > 0) source.give_back(handle_at(objects[--taken]));
      return -ENOBUFS;
    }
    init_view(handle, pool);
    objects[taken] = packet_view(handle);
  }
  return 0;
}

int enqueue(rte_mempool* pool, void* const* objects, unsigned count) noexcept {
  PacketSource& source = source_of(pool);
  for (unsigned i = 0; i < count; ++i) source.give_back(handle_at(objects[i]));
  return 0;
}

unsigned no_count(const rte_mempool*) noexcept { return 0; }

// The table of ops is a plain array in librte_mempool; it needs no EAL.
int register_ops() {
  rte_mempool_ops ops{};
  std::memcpy(ops.name, kOpsName, sizeof kOpsName);
  ops.alloc = no_alloc;
  ops.enqueue = enqueue;
  ops.dequeue = dequeue;
  ops.get_count = no_count;
  const int index = rte_mempool_register_ops(&ops);
  if (index < 0) fail("packet pool: DPDK takes no further pool driver: {}", std::strerror(-index));
  return index;
}

struct alignas(RTE_CACHE_LINE_SIZE) PoolMemory {
  rte_mempool pool;
  alignas(RTE_CACHE_LINE_SIZE) rte_pktmbuf_pool_private properties;
};
// Where rte_mempool_get_priv looks when there is no per-lcore cache.
static_assert(offsetof(PoolMemory, properties) == sizeof(rte_mempool));

}  // namespace

rte_mempool* make_stub_pool(PacketSource& source) {
  static const int ops_index = register_ops();
  static std::mutex mutex;
  static std::vector<std::unique_ptr<PoolMemory>> pools;  // until the process ends: views and NFs may still name one

  auto memory = std::make_unique<PoolMemory>();
  std::memset(static_cast<void*>(memory.get()), 0, sizeof(PoolMemory));
  rte_mempool& pool = memory->pool;
  std::memcpy(pool.name, kOpsName, sizeof kOpsName);
  pool.pool_data = &source;
  pool.ops_index = ops_index;
  pool.flags = RTE_MEMPOOL_F_POOL_CREATED | RTE_MEMPOOL_F_NON_IO;
  pool.elt_size = kStrideBytes;
  pool.private_data_size = sizeof(rte_pktmbuf_pool_private);
  memory->properties.mbuf_data_room_size = kBufferBytes;
  memory->properties.mbuf_priv_size = kMetadataBytes;

  const std::lock_guard lock(mutex);
  pools.push_back(std::move(memory));
  return &pool;
}

void init_view(uint32_t handle, rte_mempool* pool) noexcept {
  rte_mbuf* const view = packet_view(handle);
  view->buf_addr = packet_buffer(handle);
  view->buf_iova = RTE_BAD_IOVA;  // nobody here gives it to a device
  view->buf_len = kBufferBytes;
  view->data_off = kHeadroomBytes;
  view->data_len = 0;
  view->pkt_len = 0;
  view->priv_size = kMetadataBytes;
  view->pool = pool;
  view->next = nullptr;
  view->nb_segs = 1;
  view->ol_flags = 0;
  view->hash.usr = 0;  // in the worker's use: see Worker::leave() and give_back()
  view->shinfo = nullptr;
  rte_mbuf_refcnt_set(view, 1);
}

}  // namespace roost
