// SPDX-License-Identifier: BSD-3-Clause
#define ALLOW_EXPERIMENTAL_API  // rte_pktmbuf_pool_create_extbuf, there since DPDK 20.02
#include "scheduler/packet_pool.h"

#include <fmt/ranges.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif
#include <sched.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/log.h"

namespace roost {
namespace {

// Packets are touched by whoever gets them; better to say now that there are too many than to be killed later.
void check_memory(uint64_t bytes) {
  struct sysinfo info {};
  if (sysinfo(&info) != 0) return;
  const uint64_t have = (uint64_t{info.totalram} + info.totalswap) * info.mem_unit;
  if (bytes > have / 10 * 9)
    fail("packet memory: {} MiB are needed and the machine has {} MiB, {} MiB too few; lower memory.packets",
         bytes >> 20, have >> 20, (bytes >> 20) - (have / 10 * 9 >> 20));
}

SharedMemory make_arena(const PacketPoolOptions& pool, size_t number, uint32_t first, uint32_t packets) {
  SharedMemoryOptions options;
  options.name = fmt::format("roost-packets-{}", number);
  options.bytes = (size_t{packets} + 1) * kStrideBytes;  // one more: DPDK counts strides from the first buffer
  options.at = packet_address(first);
  options.hugepages = pool.hugepages;
  options.numa_node = pool.numa_node;
  return SharedMemory::create(options);
}

// A loop that is pre-empted inside a lock would hold up the others, which may share its CPU.
constexpr char kLockFree[] = "lf_stack";

#if defined(__SANITIZE_THREAD__)
// What one loop frees another takes; the pool keeps that in order by code that the sanitizer does not see, so it is
// told.
rte_mempool_ops lock_free;

const char* ops_of_several_loops() {
  static constexpr char kTold[] = "lf_stack_told";
  static const bool registered = [] {
    const rte_mempool_ops *const first = rte_mempool_ops_table.ops, *const end = first + rte_mempool_ops_table.num_ops;
    const auto* const found =
        std::find_if(first, end, [](const auto& ops) { return ops.name == std::string(kLockFree); });
    if (found == end) return false;
    lock_free = *found;
    rte_mempool_ops told = lock_free;
    std::copy(std::begin(kTold), std::end(kTold), told.name);
    told.enqueue = [](rte_mempool* pool, void* const* objects, unsigned count) {
      __tsan_release(pool);
      return lock_free.enqueue(pool, objects, count);
    };
    told.dequeue = [](rte_mempool* pool, void** objects, unsigned count) {
      const int result = lock_free.dequeue(pool, objects, count);
      __tsan_acquire(pool);
      return result;
    };
    return rte_mempool_register_ops(&told) >= 0;
  }();
  return registered ? kTold : kLockFree;
}
#else
const char* ops_of_several_loops() { return kLockFree; }
#endif

rte_mempool* make_pool(const PacketPoolOptions& options, size_t number, uint32_t first, uint32_t packets) {
  rte_pktmbuf_extmem buffers{};
  buffers.buf_ptr = packet_buffer(first);
  buffers.buf_iova = reinterpret_cast<rte_iova_t>(buffers.buf_ptr);
  buffers.buf_len = size_t{packets} * kStrideBytes;
  buffers.elt_size = kStrideBytes;
  const std::string name = fmt::format("{}-{}", options.name, number);
  if (options.several_loops && rte_mbuf_set_user_mempool_ops(ops_of_several_loops()) != 0)
    fail("packet pool '{}': DPDK has no lock-free stack here", name);
  rte_mempool* pool = rte_pktmbuf_pool_create_extbuf(name.c_str(), packets, options.mbuf_cache, 0, kBufferBytes,
                                                     SOCKET_ID_ANY, &buffers, 1);
  if (options.several_loops) rte_mbuf_set_user_mempool_ops("stack");
  if (pool == nullptr)
    fail("packet pool '{}': {} mbufs: {}; lower memory.packets", name, packets, rte_strerror(rte_errno));
  return pool;
}

// Also brings the memory in before traffic does.
void init_views(uint32_t first, uint32_t count) {
  for (uint32_t handle = first; handle < first + count; ++handle) reset_view(handle);
}

// EAL makes a folder for each process and keeps nothing in it here: so there is none to be left behind, whatever ends
// this process. One that is killed over rte_eal_init() leaves its own, empty, which the next one removes.
void remove_eal_folders(const std::filesystem::path& own) {
  rmdir(own.c_str());
  constexpr std::string_view kPrefix = "roost-";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(own.parent_path(), error)) {
    const std::string name = entry.path().filename();
    const char* const end = name.data() + name.size();
    pid_t pid = 0;
    if (!name.starts_with(kPrefix) ||
        std::from_chars(name.data() + kPrefix.size(), end, pid) != std::from_chars_result{end, std::errc()})
      continue;
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) rmdir(entry.path().c_str());
  }
}

}  // namespace

void init_eal(const std::string& name, uint32_t private_mib, const std::vector<std::string>& cards) {
  // EAL wants a core, which need not be core 0, and binds this thread to it; that is undone.
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) fail_errno("the cores that this process may use can't be read");
  size_t first = 0;
  while (first + 1 < CPU_SETSIZE && !CPU_ISSET(first, &cores)) ++first;
  const std::string memory = std::to_string(private_mib), prefix = "roost-" + name, core = std::to_string(first);
  std::vector<const char*> arguments{
      "roostd",        "--no-huge",     "-m",           memory.c_str(), "--no-telemetry", "--no-shconf",
      "--log-level=4", "--file-prefix", prefix.c_str(), "-l",           core.c_str(),     "--mbuf-pool-ops-name=stack"};
  for (const auto& card : cards) arguments.insert(arguments.end(), {"-a", card.c_str()});
  if (cards.empty()) arguments.push_back("--no-pci");
  const int started = rte_eal_init(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()));
  sched_setaffinity(0, sizeof cores, &cores);
  if (const char* folder = rte_eal_get_runtime_dir(); folder != nullptr && *folder != '\0') remove_eal_folders(folder);
  if (started < 0)
    fail("DPDK does not start with {} MiB{}: {}", private_mib,
         cards.empty() ? "" : fmt::format(" and {} (bound to vfio-pci? dpdk-devbind.py -s)", fmt::join(cards, ", ")),
         rte_strerror(rte_errno));
  rte_mp_disable();  // hosts are no DPDK secondaries, and threads may then register
  // Tables of a million flows cost a translation miss a packet on small pages.
  rte_memseg_walk(
      [](const rte_memseg_list* list, const rte_memseg*, void*) {
        return madvise(list->base_va, list->len, MADV_HUGEPAGE) * 0 + 1;  // one list; the first segment names it
      },
      nullptr);
}

void end_eal() noexcept { rte_eal_cleanup(); }

PacketPool::PacketPool(const PacketPoolOptions& options) {
  uint64_t bytes = uint64_t{options.packets} * kStrideBytes;
  for (const DomainOptions& domain : options.domains) bytes += uint64_t{domain.packets} * kStrideBytes;
  check_memory(bytes);
  domains_.reserve(1 + options.domains.size());
  add_domain(options, {"default", options.packets});
  for (const DomainOptions& domain : options.domains) add_domain(options, domain);
}

void PacketPool::add_domain(const PacketPoolOptions& options, const DomainOptions& domain) {
  uint64_t first = 0;
  for (const Domain& before : domains_) first += domain_handles(before.packets);
  if (first + domain_handles(domain.packets) > kHandlesPerNode)
    fail("packet memory: {} domains of so many packets are too many; all of them together have {} at most",
         1 + options.domains.size(), kHandlesPerNode);
  const size_t number = domains_.size();
  const auto first_handle = static_cast<uint32_t>(first);
  SharedMemory memory = make_arena(options, number, first_handle, domain.packets);
  rte_mempool* const pool = make_pool(options, number, first_handle, domain.packets);
  Domain& added = domains_.emplace_back(Domain{domain.name, first_handle, domain.packets, std::move(memory), pool});
  for (uint64_t at = first; at < first + domain_handles(domain.packets); at += kDomainHandles)
    domain_of_[at / kDomainHandles] = static_cast<uint8_t>(number);
  init_views(first_handle, domain.packets);
  handle_bound_ = first_handle + domain.packets;
  log_info("packet memory{}: {} packets, {} MiB on {}{}",
           options.domains.empty() ? "" : fmt::format(" of domain '{}'", domain.name), domain.packets,
           added.memory.bytes() >> 20, page_kind_name(added.memory.page_kind()),
           options.numa_node < 0 ? "" : fmt::format(", NUMA node {}", options.numa_node));
}

PacketPool::~PacketPool() {
  for (auto& domain : domains_) rte_mempool_free(domain.pool);
}

uint32_t PacketPool::in_use() const noexcept {
  uint32_t count = 0;
  for (const auto& domain : domains_) count += domain.in_use();
  return count;
}

uint32_t PacketPool::free_here(size_t domain) const noexcept {
  rte_mempool* const pool = domains_[domain].pool;
  uint32_t count = rte_mempool_get_ops(pool->ops_index)->get_count(pool);
  if (const rte_mempool_cache* cache = rte_mempool_default_cache(pool, rte_lcore_id())) count += cache->len;
  return count;
}

}  // namespace roost
