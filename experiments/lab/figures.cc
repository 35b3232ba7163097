// SPDX-License-Identifier: BSD-3-Clause
#include "experiments/lab/figures.h"

namespace roost::experiment {
namespace {

constexpr FigureSpec kFigures[] = {
    {"throughput_pps", "packets/s", Better::more, "packets a second out of the last port (MRR where all is offered)"},
    {"offered_pps", "packets/s", Better::neither, "packets a second that were due at the input"},
    {"delivered_share", "of offered", Better::more, "packets out, of those that were due"},
    {"bare_pipeline_pps", "packets/s", Better::neither, "baseline: two rings and a polling process, no scheduler"},
    {"times_bare_pipeline", "times", Better::more, "throughput over the bare pipeline's, slice by slice"},
    {"direct_call_pps", "packets/s", Better::neither, "baseline: the NF's work in the receive loop, the ceiling"},
    {"times_direct_call", "times", Better::more, "throughput over the direct call's, slice by slice"},
    {"poll_yield_pps", "packets/s", Better::neither, "baseline: a process an NF, each polls and calls sched_yield"},
    {"times_poll_yield", "times", Better::more, "throughput over poll and sched_yield's, slice by slice"},
    {"semaphore_sweep_pps", "packets/s", Better::neither,
     "baseline: openNetVM's shape, a semaphore an NF, threshold 1"},
    {"times_semaphore_sweep", "times", Better::more, "throughput over the semaphore sweep's, slice by slice"},
    {"ndr_pps", "packets/s", Better::more, "no-drop rate: the highest offered rate with no loss"},
    {"pdr_pps", "packets/s", Better::more, "partial-drop rate: the highest offered rate with at most 0.5 % loss"},
    {"search_trials", "trials", Better::neither, "that finding both rates took"},
    {"latency_p50_us", "us", Better::less, "from the time a packet was meant to be sent until it is sent on, median"},
    {"latency_p99_us", "us", Better::less, "the same, 99 of 100 packets"},
    {"latency_p999_us", "us", Better::less, "the same, 999 of 1,000 packets"},
    {"latency_max_us", "us", Better::less, "the same, the slowest"},
    {"latency_10_p50_us", "us", Better::less, "at 10 % of the partial-drop rate, median"},
    {"latency_10_p99_us", "us", Better::less, "at 10 % of the partial-drop rate, 99 of 100"},
    {"latency_10_p999_us", "us", Better::less, "at 10 % of the partial-drop rate, 999 of 1,000"},
    {"latency_50_p50_us", "us", Better::less, "at 50 % of the partial-drop rate, median"},
    {"latency_50_p99_us", "us", Better::less, "at 50 % of the partial-drop rate, 99 of 100"},
    {"latency_50_p999_us", "us", Better::less, "at 50 % of the partial-drop rate, 999 of 1,000"},
    {"latency_90_p50_us", "us", Better::less, "at 90 % of the partial-drop rate, median"},
    {"latency_90_p99_us", "us", Better::less, "at 90 % of the partial-drop rate, 99 of 100"},
    {"latency_90_p999_us", "us", Better::less, "at 90 % of the partial-drop rate, 999 of 1,000"},
    {"wake_to_run_p50_us", "us", Better::less, "from a packet's reception until its NF is called, median"},
    {"wake_to_run_p99_us", "us", Better::less, "the same, 99 of 100"},
    {"after_run_p50_us", "us", Better::less,
     "from the call of the NF until the packet is sent on: the difference of the medians"},
    {"nf_cycles", "TSC cycles/packet", Better::less, "in NFs, by the workers' own counts"},
    {"worker_cycles", "TSC cycles/packet", Better::less,
     "of workers' CPU time besides NFs: rings, switches, wakes, spin"},
    {"io_cycles", "TSC cycles/packet", Better::less, "of the manager's CPU time"},
    {"idle_share", "of a core", Better::neither, "of the shared core's time that no worker used"},
    {"wakes_per_s", "1/s", Better::less, "workers woken by the kernel"},
    {"wakes_per_packet", "1/packet", Better::less, "the same, for each packet"},
    {"nfs_active_share", "of NFs", Better::neither, "NFs that have had packets"},
    {"memory_per_nf_bytes", "bytes", Better::less, "growth of all processes (PSS and page tables) by the start, an NF"},
    {"memory_all_mib", "MiB", Better::less, "all processes together, PSS and page tables"},
    {"spawn_us_per_nf", "us", Better::less, "from the request until all run, an NF"},
    {"cpu_workers_percent", "% of a core", Better::less, "CPU time of all workers"},
    {"cpu_manager_percent", "% of a core", Better::less, "CPU time of the manager"},
    {"cpu_percent", "% of a core", Better::less, "CPU time of the manager and all workers"},
    {"times_default_p99", "times", Better::less, "p99 over that of the default settings, slice by slice"},
    {"times_default_cpu", "times", Better::less, "CPU time over that of the default settings, slice by slice"},
    {"step_p99_us", "us", Better::less, "p99 of the first slice after the load has changed"},
    {"held_share", "of slices", Better::more, "in which the p99 was not above the target"},
    {"best_fixed_wakes_per_s", "1/s", Better::neither,
     "baseline: the fixed threshold with the fewest wake-ups that keeps p99 to the target"},
    {"best_fixed_cpu_percent", "% of a core", Better::neither, "CPU time with that setting, of manager and workers"},
    {"times_best_fixed_cpu", "times", Better::less,
     "CPU time with the tuner's choice over that with the best fixed setting, slice by slice"},
    {"tuned_packets", "packets", Better::neither, "wake_packets that the tuner chose"},
    {"tuned_deadline_us", "us", Better::neither, "wake_deadline_us that it chose"},
    {"tuned_spin_us", "us", Better::neither, "spin_us that it chose"},
    {"tune_trials", "trials", Better::less, "that the tuner's search took"},
    {"best_fixed_p99_us", "us", Better::neither, "p99 with that threshold"},
    {"best_fixed_packets", "packets", Better::neither, "wake_packets of that threshold"},
    {"best_fixed_spin_us", "us", Better::neither, "spin_us of that setting"},
    {"best_fixed_deadline_us", "us", Better::neither, "wake_deadline_us of that threshold"},
    {"times_best_fixed", "times", Better::less, "wake-ups over those with that threshold, slice by slice"},
    {"least_fixed_p99_us", "us", Better::neither, "the least median p99 of any fixed threshold that was tried"},
    {"quiet_p99_us", "us", Better::neither, "p99 of the others before whatever disturbs them"},
    {"times_quiet_p99", "times", Better::less, "p99 of the others over that before, slice by slice"},
    {"times_quiet_pps", "times", Better::more, "throughput of the others over that before, slice by slice"},
    {"churn_per_s", "NFs/s", Better::neither, "started and ended while measured"},
    {"slowest_alone_pps", "packets/s", Better::neither, "baseline: the slowest NF of the chain with no other"},
    {"times_slowest_alone", "times", Better::more, "throughput over that of the slowest NF alone, slice by slice"},
    {"wasted_share", "of NF cycles", Better::less, "spent on packets that were dropped later"},
    {"jain", "index", Better::more, "Jain's index of achieved over entitled work, in each window"},
    {"least_share", "of entitled", Better::more, "what the worst-off NF got of what it is entitled to"},
    {"futex_p50_us", "us", Better::neither, "baseline: a bare futex wake-up between the same cores"},
    {"times_futex", "times", Better::less, "wake-to-run over the bare futex wake-up, slice by slice"},
};

}  // namespace

std::span<const FigureSpec> figure_specs() noexcept { return kFigures; }

const FigureSpec* find_figure(std::string_view name) noexcept {
  for (const FigureSpec& spec : kFigures)
    if (spec.name == name) return &spec;
  return nullptr;
}

}  // namespace roost::experiment
