// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/eal.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <rte_build_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

// EAL loads each driver that is installed, some 190, where it finds their folder; it has no option not to. Tests use
// none but those that they link, and so many take the thread sanitizer 0.4 s.
extern "C" int stat64(const char* path, struct stat64* found) noexcept {
  if (std::string_view(path) == RTE_EAL_PMD_PATH) {
    errno = ENOENT;
    return -1;
  }
  static auto* const other = reinterpret_cast<decltype(&stat64)>(dlsym(RTLD_NEXT, "stat64"));
  return other(path, found);
}

namespace roost::test {
namespace {

// EAL pins its main thread; tests go on using every core that they were given.
bool init_eal(uint32_t memory_mb) {
  cpu_set_t cores;
  sched_getaffinity(0, sizeof cores, &cores);
  int first = 0;
  while (first < CPU_SETSIZE && !CPU_ISSET(first, &cores)) ++first;
  std::vector<std::string> arguments = {"test",
                                        "--no-huge",
                                        "-m",
                                        fmt::to_string(memory_mb),
                                        "--no-pci",
                                        "--no-telemetry",
                                        "--no-shconf",
                                        "--log-level=4",
                                        fmt::format("--lcores=0@{}", first),
                                        fmt::format("--file-prefix=roost-test-{}", getpid())};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    fail("EAL can't be initialised: {}", rte_strerror(rte_errno));
  }
  sched_setaffinity(0, sizeof cores, &cores);
  if (const char* folder = rte_eal_get_runtime_dir(); folder != nullptr && *folder != '\0') rmdir(folder);
  return true;
}

}  // namespace

void start_eal(uint32_t memory_mb) {
  static const bool started = init_eal(memory_mb);
  (void)started;
}

Pool::Pool(uint32_t packets, uint16_t room_bytes) {
  start_eal();
  static std::atomic<uint32_t> made{0};
  const std::string name = fmt::format("test-{}", made++);
  constexpr uint32_t kCache = 256;
  pool_ = rte_pktmbuf_pool_create(name.c_str(), packets, packets >= 2 * kCache ? kCache : 0, 0,
                                  static_cast<uint16_t>(room_bytes + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
  if (pool_ == nullptr) fail("a pool of {} packets can't be made: {}", packets, rte_strerror(rte_errno));
}

Pool::~Pool() { rte_mempool_free(pool_); }

uint32_t Pool::in_use() const noexcept { return rte_mempool_in_use_count(pool_); }

}  // namespace roost::test
