// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/fiber.h"

#include <cxxabi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <new>
#include <utility>

#include "core/error.h"

#if defined(ROOST_FIBER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(ROOST_FIBER_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

// For code that runs between two stacks.
#if defined(ROOST_FIBER_ASAN) || defined(ROOST_FIBER_TSAN)
#define ROOST_SWITCH_CODE __attribute__((no_sanitize("address", "thread")))
#else
#define ROOST_SWITCH_CODE
#endif

namespace roost {

namespace {

#if defined(ROOST_FIBER_ASAN) || defined(ROOST_FIBER_TSAN)
constexpr std::size_t kFrameFactor = 4;  // sanitized frames are bigger
#else
constexpr std::size_t kFrameFactor = 1;
#endif

// Stacks start at different offsets in their top page, over half of it, lest the lines that each switch touches compete
// for the few cache sets of one offset. Measured: 9.5 ns a switch instead of 11.6 among 100 fibers in a ring; among
// 10,000 the memory's latency is what counts, with or without.
constexpr std::size_t kColours = 32;
constexpr std::size_t kColourBytes = 64;
constexpr std::size_t kFiberBytes = (sizeof(Fiber) + 63) / 64 * 64;

// Room for guards: half of the mappings that the kernel allows the process; a guarded stack takes two.
std::size_t guards_max() {
  static const std::size_t limit = [] {
    std::size_t mappings = 65'530;
    std::ifstream("/proc/sys/vm/max_map_count") >> mappings;
    return mappings / 4;
  }();
  return limit;
}

// In the whole process, as the kernel's limit is.
constinit std::atomic<std::size_t> guards_used{0};

bool claim_guard() noexcept {
  if (guards_used.fetch_add(1, std::memory_order_relaxed) < guards_max()) return true;
  guards_used.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

}  // namespace

// Not inlined, so that no frame that can move to another thread keeps the address of a thread's exception state.
[[gnu::noinline]] void FiberSwitch::find_thread(Fiber& home) noexcept {
  home.thread_exceptions_ = reinterpret_cast<Fiber::ExceptionState*>(abi::__cxa_get_globals());
#if defined(ROOST_FIBER_TSAN)
  home.sanitizer_state_ = __tsan_get_current_fiber();
#endif
}

// The first frame on a new stack. noexcept: an exception that the entry lets out ends here, not in random memory.
ROOST_SWITCH_CODE void FiberSwitch::start(Jump jump) noexcept {
  Fiber& here = *static_cast<Fiber*>(jump.data);
  arrive(here, jump);
  here.entry_(here.argument_);
  std::abort();  // there is no frame to return to
}

void FiberSwitch::create(Fiber& fiber, Fiber::Entry entry, void* argument) noexcept {
  fiber.entry_ = entry;
  fiber.argument_ = argument;
  fiber.exceptions_ = {};
  fiber.context_ = boost::context::detail::make_fcontext(&fiber, fiber.stack_bytes_, &FiberSwitch::start);
#if defined(ROOST_FIBER_TSAN)
  fiber.sanitizer_state_ = __tsan_create_fiber(0);
#endif
}

#if defined(ROOST_FIBER_ASAN)

ROOST_SWITCH_CODE void FiberSwitch::tell_leave(Fiber& from, Fiber& to) noexcept {
  __sanitizer_start_switch_fiber(&from.sanitizer_state_, to.stack_bottom_, to.stack_bytes_);
}

ROOST_SWITCH_CODE void FiberSwitch::tell_arrive(Fiber& here, Fiber& left) noexcept {
  const void* bottom = nullptr;
  __sanitizer_finish_switch_fiber(here.sanitizer_state_, &bottom, &left.stack_bytes_);
  left.stack_bottom_ = const_cast<void*>(bottom);  // so a thread's own stack is learned
  here.sanitizer_state_ = nullptr;
}

// Runs on the stack of a parked fiber, to leave it for good: null for the place to save to says so.
ROOST_SWITCH_CODE FiberSwitch::Jump FiberSwitch::bury(Jump jump) noexcept {
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(static_cast<Fiber*>(jump.data)->sanitizer_state_, &bottom, &bytes);
  __sanitizer_start_switch_fiber(nullptr, bottom, bytes);
  boost::context::detail::jump_fcontext(jump.fctx, nullptr);
  std::abort();
}

ROOST_SWITCH_CODE void FiberSwitch::destroy(Fiber& fiber) noexcept {
  if (fiber.sanitizer_state_ != nullptr) {
    void* here = nullptr;
    __sanitizer_start_switch_fiber(&here, fiber.stack_bottom_, fiber.stack_bytes_);
    boost::context::detail::ontop_fcontext(fiber.context_, &fiber, &FiberSwitch::bury);
    __sanitizer_finish_switch_fiber(here, nullptr, nullptr);
    fiber.sanitizer_state_ = nullptr;
  }
  // The frames left there have poisoned their surroundings.
  __asan_unpoison_memory_region(fiber.stack_bottom_, fiber.stack_bytes_);
  fiber.context_ = nullptr;
}

#elif defined(ROOST_FIBER_TSAN)

ROOST_SWITCH_CODE void FiberSwitch::tell_leave(Fiber&, Fiber& to) noexcept {
  __tsan_switch_to_fiber(to.sanitizer_state_, 0);
}

void FiberSwitch::tell_arrive(Fiber&, Fiber&) noexcept {}

void FiberSwitch::destroy(Fiber& fiber) noexcept {
  __tsan_destroy_fiber(fiber.sanitizer_state_);
  fiber.context_ = nullptr;
}

#else

void FiberSwitch::destroy(Fiber& fiber) noexcept { fiber.context_ = nullptr; }

#endif

FiberPool::FiberPool(std::size_t stack_bytes, std::size_t spare_max)
    : page_bytes_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), spare_max_(spare_max) {
  if (stack_bytes < kStackBytesMin) {
    fail("fiber stacks: {} bytes are too few for an NF; give at least {}", stack_bytes, kStackBytesMin);
  }
  const std::size_t pages = (stack_bytes * kFrameFactor + page_bytes_ - 1) / page_bytes_;
  mapping_bytes_ = (pages + 1) * page_bytes_;
}

FiberPool::~FiberPool() {
  while (taken_ != nullptr) give_back(taken_);
  while (spare_ != nullptr) {
    Fiber* const fiber = std::exchange(spare_, spare_->next_);
    unmap_stack(fiber);  // where the kernel refuses, address space is lost, and no memory but a page
  }
}

Fiber* FiberPool::take(Entry entry, void* argument) {
  Fiber* fiber = spare_;
  if (fiber != nullptr) {
    spare_ = fiber->next_;
    --spare_count_;
  } else {
    fiber = map_stack();
  }
  FiberSwitch::create(*fiber, entry, argument);
  fiber->previous_ = nullptr;
  fiber->next_ = taken_;
  if (taken_ != nullptr) taken_->previous_ = fiber;
  taken_ = fiber;
  ++taken_count_;
  return fiber;
}

void FiberPool::give_back(Fiber* fiber) noexcept {
  if (fiber == nullptr) return;
  FiberSwitch::destroy(*fiber);
  (fiber->previous_ != nullptr ? fiber->previous_->next_ : taken_) = fiber->next_;
  if (fiber->next_ != nullptr) fiber->next_->previous_ = fiber->previous_;
  --taken_count_;
  if (spare_count_ >= spare_max_ && unmap_stack(fiber)) return;
  fiber->next_ = std::exchange(spare_, fiber);
  ++spare_count_;
}

Fiber* FiberPool::map_stack() {
  void* const mapping = mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) {
    fail_errno("fiber stacks: can't map {} bytes beside {} stacks; raise the address space limit or vm.max_map_count",
               mapping_bytes_, taken_count_ + spare_count_);
  }
  // Stacks without guards lie side by side, and a huge page over many would be memory that nobody uses. Fails,
  // rightly, where the kernel has no huge pages.
  madvise(mapping, mapping_bytes_, MADV_NOHUGEPAGE);
  bool guarded = claim_guard();
  if (guarded && mprotect(mapping, page_bytes_, PROT_NONE) != 0) {
    guards_used.fetch_sub(1, std::memory_order_relaxed);
    guarded = false;
  }
  if (!guarded) ++unguarded_count_;

  auto* const base = static_cast<std::byte*>(mapping);
  const std::size_t below_top = kFiberBytes + next_colour_ * kColourBytes;
  next_colour_ = (next_colour_ + 1) % kColours;
  auto* const fiber = new (base + mapping_bytes_ - below_top) Fiber;
  fiber->mapping_ = mapping;
  fiber->guarded_ = guarded;
  fiber->stack_bottom_ = base + page_bytes_;
  fiber->stack_bytes_ = mapping_bytes_ - page_bytes_ - below_top;
  return fiber;
}

bool FiberPool::unmap_stack(Fiber* fiber) noexcept {
  const bool guarded = fiber->guarded_;
  auto* const bottom = static_cast<std::byte*>(fiber->stack_bottom_);
  if (munmap(fiber->mapping_, mapping_bytes_) != 0) {
    // A hole in a row of stacks is one mapping more, and there may be no more to have. What can be returned is the
    // memory, but for the page of the fiber's record.
    madvise(bottom, mapping_bytes_ - 2 * page_bytes_, MADV_DONTNEED);
    return false;
  }
  if (guarded) {
    guards_used.fetch_sub(1, std::memory_order_relaxed);
  } else {
    --unguarded_count_;
  }
  return true;
}

}  // namespace roost
