// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/confinement.h"

#include <cap-ng.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/shared_memory.h"
#include "nflib/sanitized.h"
#include "nflib/system_calls.h"

namespace roost {
namespace {

using Filter = ConfinementOptions::Filter;

// Signal handlers have no other way to what they need.
constexpr uint32_t kCallsMax = 512;
std::array<const char*, kCallsMax> call_names;
std::array<std::atomic<bool>, kCallsMax> reported;
std::atomic<WorkerReport*> report{nullptr};

struct FreeFilter {
  void operator()(void* filter) const noexcept { seccomp_release(filter); }
};

void check(int error, const char* what) {
  if (error == 0) return;
  errno = -error;
  fail_errno("host: its system call filter: {}", what);
}

void allow(scmp_filter_ctx filter, const char* name) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) fail("host: no system call is called '{}'; see syscalls(2)", name);
  check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0), name);
}

std::vector<sock_filter> exported(scmp_filter_ctx filter) {
  const FileDescriptor file(memfd_create("filter", MFD_CLOEXEC));
  if (!file) fail_errno("host: its system call filter: memfd_create");
  check(seccomp_export_bpf(filter, file.get()), "cannot be built");
  const off_t bytes = lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<size_t>(bytes) / sizeof(sock_filter));
  if (pread(file.get(), program.data(), static_cast<size_t>(bytes), 0) != bytes)
    fail_errno("host: its system call filter: cannot be read");
  return program;
}

std::vector<sock_filter> build(const ConfinementOptions& options) {
  const std::unique_ptr<void, FreeFilter> filter(
      seccomp_init(options.filter == Filter::log ? SCMP_ACT_LOG : SCMP_ACT_TRAP));
  if (!filter) fail("host: no memory for its system call filter");
  check(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimise");
  for (const char* name : kPlainCalls) allow(filter.get(), name);
  for (const LimitedCall& call : kLimitedCalls) {
    if (std::find(options.allow.begin(), options.allow.end(), call.name) != options.allow.end()) continue;
    const int number = seccomp_syscall_resolve_name(call.name);
    const scmp_arg_cmp argument{call.argument, SCMP_CMP_MASKED_EQ, call.mask, call.value};
    check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number, 1, &argument), call.name);
  }
  const bool has_clone3 = std::find(options.allow.begin(), options.allow.end(), "clone3") != options.allow.end();
  // Its arguments lie in memory, where no filter looks; without it the C library takes clone().
  if (!has_clone3) check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), "clone3");
  for (const std::string& name : options.allow) allow(filter.get(), name.c_str());
  return exported(filter.get());
}

template <size_t kBytes>
void append(std::array<char, kBytes>& text, size_t& at, std::string_view more) noexcept {
  const size_t count = std::min(more.size(), kBytes - at);
  std::memcpy(text.data() + at, more.data(), count);
  at += count;
}

// Once for each call: what is repeated is counted.
void tell(uint32_t number) noexcept {
  if (number >= kCallsMax || reported[number].exchange(true, std::memory_order_relaxed)) return;
  const char* const name = call_names[number] != nullptr ? call_names[number] : "unknown";
  std::array<char, 256> text;
  size_t at = 0;
  append(text, at, "roost-host: an NF called ");
  append(text, at, name);
  append(text, at, "(), which hosts may not: it gets EPERM; [hosts] seccomp_allow = [\"");
  append(text, at, name);
  append(text, at, "\"] in the manager's configuration allows it\n");
  if (write(STDERR_FILENO, text.data(), at) < 0) return;
}

// Instead of the call: it fails with EPERM.
void on_refused_call(int, siginfo_t* info, void* context) noexcept {
  const auto number = static_cast<uint32_t>(info->si_syscall);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
  if (WorkerReport* const to = report.load(std::memory_order_relaxed)) {
    to->refused_call.store(number, std::memory_order_relaxed);
    to->refused_calls.fetch_add(1, std::memory_order_relaxed);
  }
  const int saved = errno;
  tell(number);
  errno = saved;
}

// In a signal handler there is no asking libseccomp. The names are never freed.
void learn_call_names() {
  for (uint32_t number = 0; number < kCallsMax; ++number)
    call_names[number] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
}

// Hard ones too, or an NF puts them up again.
void limit(int resource, rlim_t most) {
  rlimit now{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return;
  now.rlim_max = std::min(now.rlim_max, most);
  now.rlim_cur = now.rlim_max;
  setrlimit(static_cast<__rlimit_resource>(resource), &now);
}

void give_up_capabilities(bool but_for_users) {
  capng_clear(CAPNG_SELECT_ALL);
  constexpr auto kNow = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED);
  if (but_for_users && capng_updatev(CAPNG_ADD, kNow, CAP_SETUID, CAP_SETGID, -1) != 0)
    fail("host: cannot keep the capabilities by which hosts become other users");
  // Without CAP_SETPCAP the bounding set stays; with no new privileges it gives nobody anything.
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) fail("host: cannot drop its capabilities");
  if (capng_apply(CAPNG_SELECT_AMBIENT) != 0 && errno != EINVAL) fail("host: cannot drop its ambient capabilities");
}

void give_up_privileges(bool but_for_users) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail_errno("host: cannot forgo new privileges");
  give_up_capabilities(but_for_users);
}

}  // namespace

Confinement::Confinement(const ConfinementOptions& options) : options_(options) {
  limit(RLIMIT_CORE, 0);  // packets are nobody's to find on a disk
  limit(RLIMIT_MEMLOCK, 0);
  limit(RLIMIT_MSGQUEUE, 0);
  give_up_privileges(options.users);
  // Hosts run as one user, who could look into all of them, and write: /proc/PID/mem, ptrace().
  if (!kSanitized) prctl(PR_SET_DUMPABLE, 0);
  // A sanitizer's run time does what no NF does, at any time, and stops threads by ptrace() at the end.
  if (kSanitized) options_.filter = Filter::off;
  if (options_.filter == Filter::off) return;
  program_ = build(options_);
  if (options_.filter == Filter::strict) learn_call_names();
}

void Confinement::limit_descriptors() const { limit(RLIMIT_NOFILE, options_.descriptors_max); }

void Confinement::become(const HostUser& user) {
  const pid_t parent = getppid();
  if (setgroups(0, nullptr) != 0 || setresgid(user.gid, user.gid, user.gid) != 0 ||
      setresuid(user.uid, user.uid, user.uid) != 0)
    fail_errno("host: cannot become user {} of group {}", user.uid, user.gid);
  give_up_capabilities(false);
  // The kernel takes these back from whoever changes its user.
  if (!kSanitized) prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) fail("host: its nursery has ended");
}

void Confinement::enter(const HostRegion& region) const {
  if (options_.filter == Filter::off) return;
  std::vector<sock_filter> program = program_;
  for (sock_filter& line : program)
    if (line.k == kOwnProcess && BPF_CLASS(line.code) == BPF_JMP) line.k = static_cast<uint32_t>(getpid());
  report.store(&region.worker().report, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_sigaction = &on_refused_call;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (sigaction(SIGSYS, &action, nullptr) != 0) fail_errno("host: sigaction");
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  // Speculation stays as it is for the process: the filter guards what a host may do, not what it may read of itself.
  constexpr unsigned kFlags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, &filter) != 0)
    fail_errno("host: this kernel takes no system call filter; [hosts] seccomp = \"off\" goes without");
}

Filter filter_named(std::string_view name) {
  if (name == "strict") return Filter::strict;
  if (name == "log") return Filter::log;
  if (name == "off") return Filter::off;
  fail("seccomp '{}': there are strict, log and off", name);
}

std::vector<std::string> words_between_commas(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    if (end != 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace roost
