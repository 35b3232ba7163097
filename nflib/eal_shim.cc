// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/eal_shim.h"

#include <rte_config.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_tailq.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "core/error.h"

// In librte_eal. Declared here since DPDK 22.11's own declaration (rte_vect.h) isn't extern "C".
extern "C" int rte_vect_set_max_simd_bitwidth(std::uint16_t bits);

// DPDK's libraries register their tailqs from constructors that run before this file's dynamic initialisation: what
// those calls touch is constant-initialised, and nothing here is destroyed, since libraries free as late as at exit.

namespace roost {
namespace {

constexpr std::uint16_t kVectorBits = 256;  // EAL's default on x86

constinit std::atomic<std::uint64_t> tsc_hz_set{0};
constinit std::array<std::atomic<bool>, RTE_MAX_LCORE> lcore_id_taken{};

// Precedes what allocate() returns. The C heap's own alignment and bookkeeping serve only up to 16 bytes, and its
// aligned_alloc can't leave big zeroed blocks untouched as calloc does (an rte_lpm zeroes 64 MiB, and uses little).
struct BlockHeader {
  void* base;        // what the C heap returned
  std::size_t size;  // as asked for
};

BlockHeader* header_of(const void* block) {
  return reinterpret_cast<BlockHeader*>(reinterpret_cast<std::uintptr_t>(block) - sizeof(BlockHeader));
}

void* allocate(std::size_t size, std::size_t align, bool zeroed) {
  if (size == 0 || (align != 0 && !std::has_single_bit(align))) return nullptr;
  align = std::max<std::size_t>(align, RTE_CACHE_LINE_SIZE);
  std::size_t total;
  if (__builtin_add_overflow(size, align + sizeof(BlockHeader), &total)) return nullptr;
  void* const base = zeroed ? std::calloc(1, total) : std::malloc(total);
  if (base == nullptr) return nullptr;
  const auto first = reinterpret_cast<std::uintptr_t>(base) + sizeof(BlockHeader);
  void* const block = reinterpret_cast<void*>((first + align - 1) & ~(align - 1));
  *header_of(block) = {base, size};
  return block;
}

void release(void* block) {
  if (block != nullptr) std::free(header_of(block)->base);
}

void* reallocate(void* block, std::size_t size, std::size_t align) {
  if (block == nullptr) return allocate(size, align, false);
  if (size == 0) {
    release(block);
    return nullptr;
  }
  BlockHeader& header = *header_of(block);
  const bool aligned = align == 0 || reinterpret_cast<std::uintptr_t>(block) % align == 0;
  if (aligned && size <= header.size) {
    header.size = size;
    return block;
  }
  void* const moved = allocate(size, align, false);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(size, header.size));
  release(block);
  return moved;
}

// A tailq is a named list of the objects of one kind in this process. Heads live as long as the process: a library
// that is unloaded and loaded again finds the one that it had.
struct Tailq {
  rte_tailq_head head;
  Tailq* next;
};
constinit std::mutex tailqs_mutex;
constinit Tailq* tailqs = nullptr;

rte_tailq_head* find_tailq(std::string_view name) {
  for (Tailq* tailq = tailqs; tailq != nullptr; tailq = tailq->next) {
    if (name == tailq->head.name) return &tailq->head;
  }
  return nullptr;
}

rte_tailq_head* add_tailq(const char (&name)[RTE_TAILQ_NAMESIZE]) {
  auto* const tailq = static_cast<Tailq*>(std::calloc(1, sizeof(Tailq)));
  if (tailq == nullptr) return nullptr;
  TAILQ_INIT(&tailq->head.tailq_head);
  std::memcpy(tailq->head.name, name, sizeof(name) - 1);
  tailq->next = std::exchange(tailqs, tailq);
  return &tailq->head;
}

// Named blocks. The keys are the names inside the memzones.
struct Memzones {
  std::mutex mutex;
  std::map<std::string_view, std::unique_ptr<rte_memzone>> by_name;
};

Memzones& memzones() {
  static auto* const instance = new Memzones;
  return *instance;
}

const rte_memzone* refuse(int error) {
  rte_errno = error;
  return nullptr;
}

// bound: 0, or a power of two of which no multiple may lie inside the block.
const rte_memzone* reserve(std::string_view name, std::size_t size, int socket, unsigned flags, std::size_t align,
                           std::size_t bound) {
  if (name.size() >= RTE_MEMZONE_NAMESIZE) return refuse(ENAMETOOLONG);
  if (size == 0 || (align != 0 && !std::has_single_bit(align))) return refuse(EINVAL);
  if (bound != 0) {
    if (!std::has_single_bit(bound) || size > bound) return refuse(EINVAL);
    align = std::max(align, std::bit_ceil(size));
  }
  Memzones& zones = memzones();
  const std::lock_guard lock(zones.mutex);
  if (zones.by_name.contains(name)) return refuse(EEXIST);
  void* const block = allocate(size, align, true);
  if (block == nullptr) return refuse(ENOMEM);
  auto zone = std::make_unique<rte_memzone>();
  std::memcpy(zone->name, name.data(), name.size());
  zone->iova = reinterpret_cast<std::uintptr_t>(block);
  zone->addr = block;
  zone->len = size;
  zone->hugepage_sz = RTE_PGSIZE_4K;
  zone->socket_id = socket;
  zone->flags = flags;
  const std::string_view key = zone->name;
  return zones.by_name.emplace(key, std::move(zone)).first->second.get();
}

}  // namespace

void init_eal_shim(std::uint64_t tsc_hz) {
  if (tsc_hz == 0) fail("EAL shim: the TSC's frequency is 0; pass the one that the manager measured");
  tsc_hz_set.store(tsc_hz, std::memory_order_relaxed);
  // Unset it is 0, and rte_acl, rte_fib and others fall back to scalar code.
  static const int vectors_set = rte_vect_set_max_simd_bitwidth(kVectorBits);
  static_cast<void>(vectors_set);  // refused only where the user forced a width
}

EalThread::EalThread() : lcore_id_(0) {
  while (lcore_id_ < RTE_MAX_LCORE && lcore_id_taken[lcore_id_].exchange(true)) ++lcore_id_;
  if (lcore_id_ == RTE_MAX_LCORE) fail("EAL shim: all {} lcore ids are taken; run fewer workers in a host", lcore_id_);
  RTE_PER_LCORE(_lcore_id) = lcore_id_;
}

EalThread::~EalThread() {
  RTE_PER_LCORE(_lcore_id) = LCORE_ID_ANY;
  lcore_id_taken[lcore_id_].store(false);
}

}  // namespace roost

// The same declarations as in DPDK's headers, which are extern "C".

uint64_t rte_get_tsc_hz(void) { return roost::tsc_hz_set.load(std::memory_order_relaxed); }

void* rte_malloc(const char*, size_t size, unsigned align) { return roost::allocate(size, align, false); }
void* rte_malloc_socket(const char*, size_t size, unsigned align, int) { return roost::allocate(size, align, false); }
void* rte_zmalloc(const char*, size_t size, unsigned align) { return roost::allocate(size, align, true); }
void* rte_zmalloc_socket(const char*, size_t size, unsigned align, int) { return roost::allocate(size, align, true); }

void* rte_calloc(const char*, size_t num, size_t size, unsigned align) {
  size_t total;
  if (__builtin_mul_overflow(num, size, &total)) return nullptr;
  return roost::allocate(total, align, true);
}
void* rte_calloc_socket(const char* type, size_t num, size_t size, unsigned align, int) {
  return rte_calloc(type, num, size, align);
}

void* rte_realloc(void* block, size_t size, unsigned align) { return roost::reallocate(block, size, align); }
void* rte_realloc_socket(void* block, size_t size, unsigned align, int) { return rte_realloc(block, size, align); }

void rte_free(void* block) { roost::release(block); }

int rte_malloc_validate(const void* block, size_t* size) {
  if (block == nullptr) return -1;
  if (size != nullptr) *size = roost::header_of(block)->size;
  return 0;
}

// IO addresses are virtual addresses: no device reads a host's memory, and real ones need privileges to find out.
rte_iova_t rte_malloc_virt2iova(const void* block) { return reinterpret_cast<rte_iova_t>(block); }
rte_iova_t rte_mem_virt2iova(const void* address) { return reinterpret_cast<rte_iova_t>(address); }
enum rte_iova_mode rte_eal_iova_mode(void) { return RTE_IOVA_VA; }
int rte_eal_has_hugepages(void) { return 0; }

const rte_memzone* rte_memzone_reserve(const char* name, size_t size, int socket, unsigned flags) {
  return roost::reserve(name, size, socket, flags, 0, 0);
}
const rte_memzone* rte_memzone_reserve_aligned(const char* name, size_t size, int socket, unsigned flags,
                                               unsigned align) {
  return roost::reserve(name, size, socket, flags, align, 0);
}
const rte_memzone* rte_memzone_reserve_bounded(const char* name, size_t size, int socket, unsigned flags,
                                               unsigned align, unsigned bound) {
  return roost::reserve(name, size, socket, flags, align, bound);
}

const rte_memzone* rte_memzone_lookup(const char* name) {
  roost::Memzones& zones = roost::memzones();
  const std::lock_guard lock(zones.mutex);
  const auto found = zones.by_name.find(name);
  return found == zones.by_name.end() ? roost::refuse(ENOENT) : found->second.get();
}

int rte_memzone_free(const rte_memzone* zone) {
  if (zone == nullptr) return -EINVAL;
  roost::Memzones& zones = roost::memzones();
  const std::lock_guard lock(zones.mutex);
  const auto found = zones.by_name.find(zone->name);
  if (found == zones.by_name.end() || found->second.get() != zone) return -EINVAL;
  // Out of the map first: its key lies in the memzone.
  const auto node = zones.by_name.extract(found);
  roost::release(node.mapped()->addr);
  return 0;
}

void rte_memzone_walk(void (*visit)(const rte_memzone*, void*), void* argument) {
  roost::Memzones& zones = roost::memzones();
  const std::lock_guard lock(zones.mutex);
  for (const auto& [name, zone] : zones.by_name) visit(zone.get(), argument);
}

rte_tailq_head* rte_eal_tailq_lookup(const char* name) {
  if (name == nullptr) return nullptr;
  const std::lock_guard lock(roost::tailqs_mutex);
  return roost::find_tailq(name);
}

// EAL fills the heads in at rte_eal_init; here they are there from the start.
int rte_eal_tailq_register(rte_tailq_elem* tailq) {
  const std::lock_guard lock(roost::tailqs_mutex);
  tailq->head = roost::find_tailq(tailq->name);
  if (tailq->head == nullptr) tailq->head = roost::add_tailq(tailq->name);
  return tailq->head == nullptr ? -1 : 0;
}
