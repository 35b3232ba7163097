// SPDX-License-Identifier: BSD-3-Clause
// Fibers: the stacks on which suspended NFs wait. fiber.h and fiber.cc are the one place that switches contexts.
//
// A switch saves the registers that a call preserves, the floating-point modes and the thread's exception state (a
// fiber may switch inside a catch block), and tells the sanitizers. What it doesn't save is thread-local: the compiler
// may keep the address of errno or of any thread_local across a call, so code that can wake up on another thread must
// not touch one both before and after a switch in the same function.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define ROOST_FIBER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define ROOST_FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ROOST_FIBER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define ROOST_FIBER_TSAN 1
#endif
#endif

namespace roost {

// A context to switch to: one of a FiberPool, or, default-constructed, that of whichever thread switches away from it.
// Only one thread at a time may run a fiber; a parked one may be resumed by any, given a happens-before between the
// two.
class Fiber {
 public:
  Fiber() = default;
  ~Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The memory that the fiber's frames may take; null and 0 for a thread's own context.
  const void* stack_bottom() const noexcept { return stack_bottom_; }
  std::size_t stack_bytes() const noexcept { return stack_bytes_; }

 private:
  friend class FiberPool;
  friend struct FiberSwitch;
  friend void switch_to(Fiber& from, Fiber& to) noexcept;

  using Entry = void (*)(void*);

  // libstdc++'s __cxa_eh_globals, which it doesn't publish: the exceptions being handled, and how many are in flight.
  struct ExceptionState {
    void* caught = nullptr;
    unsigned uncaught = 0;
  };

  // What a switch touches comes first: one cache line.
  void* context_ = nullptr;         // where to go on; meaningless while the fiber runs
  Fiber* switched_from_ = nullptr;  // who switched to this one last
  ExceptionState exceptions_;
  ExceptionState* thread_exceptions_ = nullptr;  // of the thread that runs the fiber; handed on by each switch
  void* sanitizer_state_ = nullptr;              // ASan: its fake stack; TSan: its fiber
  void* stack_bottom_ = nullptr;
  std::size_t stack_bytes_ = 0;

  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  void* mapping_ = nullptr;    // null for a thread's own context
  bool guarded_ = false;       // a guard page lies at the mapping's start
  Fiber* previous_ = nullptr;  // neighbours in the pool's list
  Fiber* next_ = nullptr;
};

// The steps of a switch; for switch_to() and FiberPool only.
struct FiberSwitch {
  using Jump = boost::context::detail::transfer_t;

  // Inlined, for the thread sanitizer: it notes each call's begin and end, in the list of the fiber that it believes
  // running, and a call that tells of the switch must not end in the other's.
  [[gnu::always_inline]] static void leave(Fiber& from, Fiber& to) noexcept {
    if (from.mapping_ == nullptr) find_thread(from);
    // Both halves before the jump and through the running thread's address: after it, the thread may be another.
    Fiber::ExceptionState* const live = from.thread_exceptions_;
    from.exceptions_ = *live;
    *live = to.exceptions_;
    to.thread_exceptions_ = live;
    to.switched_from_ = &from;
#if defined(ROOST_FIBER_ASAN) || defined(ROOST_FIBER_TSAN)
    tell_leave(from, to);
#endif
  }

  static void arrive(Fiber& here, Jump jump) noexcept {
    Fiber& left = *here.switched_from_;
    left.context_ = jump.fctx;  // only the jump itself knows where `left` goes on
#if defined(ROOST_FIBER_ASAN) || defined(ROOST_FIBER_TSAN)
    tell_arrive(here, left);
#endif
  }

  static void create(Fiber& fiber, Fiber::Entry entry, void* argument) noexcept;
  static void destroy(Fiber& fiber) noexcept;

 private:
  [[noreturn]] static void start(Jump jump) noexcept;
  static Jump bury(Jump jump) noexcept;
  static void find_thread(Fiber& home) noexcept;
  static void tell_leave(Fiber& from, Fiber& to) noexcept;
  static void tell_arrive(Fiber& here, Fiber& left) noexcept;
};

// Parks the calling context in `from` and goes on in `to`; returns when somebody switches to `from`. `from` must be
// what is running: the fiber, or, on the thread's own stack, a default-constructed Fiber.
//
// Inlined: the processor predicts returns by the calls before them, and a switch leaves a call without its return. Out
// of line, with a return right behind the jump, every switch was mispredicted: 14.7 ns one way instead of 6.6.
[[gnu::always_inline]] inline void switch_to(Fiber& from, Fiber& to) noexcept {
  FiberSwitch::leave(from, to);
  FiberSwitch::arrive(from, boost::context::detail::jump_fcontext(to.context_, &to));
}

// Stacks, and the fibers on them. One thread at a time uses a pool: its owner.
//
// A stack is mapped without reserving memory: what a fiber never touched costs nothing. The fiber's own record lies at
// its upper end. Below it is a guard page while the process has mappings to spare (a guard splits a mapping in two, and
// vm.max_map_count, 65,530 by default, bounds them); the stacks beyond go without, and are counted.
class FiberPool {
 public:
  using Entry = void (*)(void*);

  // stack_bytes: of each fiber, rounded up to pages, from kStackBytesMin, and including up to 2.5 KiB in which the
  // fiber's record lies; sanitized builds give four times as much.
  // spare_max: how many given-back stacks are kept, warm, for the next take(); the others return to the kernel.
  // Throws Error if stack_bytes is less than kStackBytesMin.
  FiberPool(std::size_t stack_bytes, std::size_t spare_max);

  // All fibers of the pool must be parked, and are destroyed as give_back() does.
  ~FiberPool();

  FiberPool(const FiberPool&) = delete;
  FiberPool& operator=(const FiberPool&) = delete;

  // A fiber that calls entry(argument) when it is first switched to. The entry must never return or let an exception
  // out: either ends the process. The last stack given back is the first taken. Throws Error if no memory can be
  // mapped.
  Fiber* take(Entry entry, void* argument);

  // Destroys a parked fiber of this pool, wherever it stopped. Nothing is unwound: what its frames own (memory, locks,
  // an exception being handled) is lost, so whoever parks for good must own nothing. Ignores nullptr.
  void give_back(Fiber* fiber) noexcept;

  std::size_t taken() const noexcept { return taken_count_; }
  std::size_t spare() const noexcept { return spare_count_; }
  // Stacks mapped at present without a guard page.
  std::size_t unguarded() const noexcept { return unguarded_count_; }

  static constexpr std::size_t kStackBytesMin = 8192;

 private:
  Fiber* map_stack();
  bool unmap_stack(Fiber* fiber) noexcept;  // false: the kernel refused, and the stack is still there

  std::size_t page_bytes_;
  std::size_t mapping_bytes_;  // of each stack, its guard page included
  std::size_t spare_max_;
  std::size_t taken_count_ = 0;
  std::size_t spare_count_ = 0;
  std::size_t unguarded_count_ = 0;
  std::size_t next_colour_ = 0;
  Fiber* taken_ = nullptr;  // doubly linked
  Fiber* spare_ = nullptr;  // by next_ only
};

}  // namespace roost
