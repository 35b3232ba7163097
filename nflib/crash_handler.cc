// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/crash_handler.h"

#include <unistd.h>

#include <csignal>

#include "core/error.h"
#include "nflib/sanitized.h"
#include "nflib/worker.h"

namespace roost {
namespace {

constexpr std::array kFaults{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// Signal handlers have no other way to what they need.
std::atomic<CrashNote*> note_to{nullptr};

// The first fault counts; another thread's, meanwhile, is its consequence or too late.
void on_fault(int signal, siginfo_t* info, void*) noexcept {
  if (CrashNote* const note = note_to.exchange(nullptr, std::memory_order_relaxed)) {
    const bool sent = info->si_code <= 0 && info->si_pid != getpid();  // by kill(1), say: no NF's doing
    note->nf.store(sent ? UINT32_MAX : Worker::nf_of_thread(), std::memory_order_relaxed);
    note->address.store(info->si_code <= 0 ? 0 : reinterpret_cast<uintptr_t>(info->si_addr), std::memory_order_relaxed);
    note->signal.store(static_cast<uint32_t>(signal), std::memory_order_release);
  }
  raise(signal);  // the handler is the standard one again; it is delivered at the return from here
}

}  // namespace

void install_crash_handler(CrashNote& note) {
  if (kSanitized) return;
  note_to.store(&note);
  struct sigaction action {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int signal : kFaults)
    if (sigaction(signal, &action, nullptr) != 0) fail_errno("host: sigaction");
}

SignalStack::SignalStack() noexcept {
  if (kSanitized) return;
  stack_t stack{};
  stack.ss_sp = memory_.data();
  stack.ss_size = memory_.size();
  sigaltstack(&stack, nullptr);  // where it fails, the handler runs on the stack of the fault
}

SignalStack::~SignalStack() {
  if (kSanitized) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
}

}  // namespace roost
