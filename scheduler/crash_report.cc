// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/crash_report.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>

namespace roost {
namespace {

bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGABRT;
}

template <typename Word>
Word read_once(const Word& word) {
  return *static_cast<const volatile Word*>(&word);
}

}  // namespace

CrashReport read_crash_report(const HostRegion& region) {
  const uint32_t nfs_max = region.layout().nfs_max;
  const auto place = [nfs_max](uint32_t nf) { return nf < nfs_max ? std::optional(nf) : std::nullopt; };
  const WorkerRecord& worker = region.worker();
  CrashReport report;
  report.current = place(worker.report.current_nf.load());
  if (const uint32_t signal = worker.crash.signal.load(); is_fault(static_cast<int>(signal))) {
    report.signal = signal;
    report.address = worker.crash.address.load();
    report.at_fault = place(worker.crash.nf.load());
  }
  const BatchLog& log = worker.batch;
  const uint32_t next = std::min(read_once(log.next), BatchLog::kKept);
  const uint32_t end = std::clamp(read_once(log.end), next, BatchLog::kKept);
  const uint32_t wrapped = std::min(read_once(log.wrapped), BatchLog::kKept);
  const auto tell = [&](uint32_t i) {
    if (const auto nf = place(read_once(log.nfs[i]))) report.last_turns.push_back(*nf);
  };
  const auto wanted = [&] { return report.last_turns.size() < CrashReport::kTurnsTold; };
  for (uint32_t i = next; i != 0 && wanted(); --i) tell(i - 1);
  for (uint32_t i = wrapped; i > end && wanted(); --i) tell(i - 1);
  std::reverse(report.last_turns.begin(), report.last_turns.end());
  return report;
}

std::optional<uint32_t> blamed_place(const CrashReport& report, int status) {
  if (status >= 0 && WIFEXITED(status)) return report.current;
  if (report.signal != 0) return report.at_fault;
  return status >= 0 && WIFSIGNALED(status) && is_fault(WTERMSIG(status)) ? report.current : std::nullopt;
}

}  // namespace roost
