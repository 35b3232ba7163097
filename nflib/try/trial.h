// SPDX-License-Identifier: BSD-3-Clause
// One NF tried on a capture, in one process: a worker as hosts have it runs the NF, and this plays the manager's side
// of its region: delivers what the capture has, takes back what comes out, grants packets and wakes. No manager, no
// ports, no EAL, no root. Ports and services are names that verdicts may go to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/capture.h"
#include "core/host_region.h"
#include "core/path.h"
#include "core/ports/pcap_writer.h"
#include "core/shared_memory.h"
#include "nflib/nf_table.h"
#include "nflib/worker.h"
#include "nflib/worker_thread.h"

namespace roost {

struct TrialOptions {
  std::string module;
  std::string in;                               // a capture
  std::string out{};                            // another, of what leaves; empty: that is only counted
  std::string config = "{}";                    // JSON
  std::vector<std::string> ports{"in", "out"};  // packets come in by the first
  std::vector<std::string> services{};
  std::vector<std::string> messages{};  // told to the NF before the first packet
  uint32_t repeat = 1;                  // the capture, one time after the other
  uint32_t patience_ms = 1'000;         // packets that the NF keeps are waited for while others come back this soon
  uint32_t run_ms = 0;                  // it goes on for at least this long, for timers
};

struct TrialResult {
  std::string nf;  // the class, as the module names it
  uint64_t packets_in = 0, bytes_in = 0, created = 0;
  uint64_t packets_out = 0, bytes_out = 0;
  uint64_t next = 0;                             // of these, to the next service of their chain
  std::map<std::string, uint64_t> to_port{};     // and out of ports,
  std::map<std::string, uint64_t> to_service{};  // and to services
  std::map<std::string, uint64_t> dropped{};     // by cause
  uint64_t held = 0;                             // not back when the trial ended
  uint64_t refused = 0;                          // given back by an NF that did not have them
  uint64_t dispatches = 0, cycles = 0, seen = 0;
  double elapsed_ms = 0;
  uint64_t tsc_hz = 0;
};

class Trial {
 public:
  explicit Trial(const TrialOptions& options);  // throws Error
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  // Throws Error: the NF refuses to start, or does not come back from process(). In the second case its thread runs on,
  // and only _exit() is safe.
  TrialResult run();

 private:
  enum class State : uint8_t { free, lent, segment, granted };

  void start_nf(std::shared_ptr<const Module> module);
  bool feed();
  bool deliver(const Capture::Frame& frame);
  bool collect();
  void take(const std::vector<Descriptor>& packet);
  void leave(const std::vector<Descriptor>& packet, std::map<std::string, uint64_t>* where, const std::string& name);
  bool grant();
  void wake();
  void look_for_a_runaway(uint64_t now);
  bool over(uint64_t now) const;
  uint32_t take_handle();
  void free_handle(uint32_t handle);

  const TrialOptions options_;
  const uint64_t tsc_hz_;
  const Capture capture_;
  std::unique_ptr<PcapWriter> writer_;
  const HostLayout layout_;
  SharedMemory arena_, region_memory_, path_memory_;
  HostRegion region_;
  PathTableView paths_;
  FileDescriptor eventfd_;
  RingProducer inbox_, grants_;
  RingConsumer outbox_;
  std::vector<State> states_;  // by handle
  std::vector<uint32_t> free_;
  std::vector<Descriptor> came_;  // the packet whose segments are coming
  std::vector<rte_mbuf> segments_;
  uint32_t granted_ = 0;
  size_t next_frame_ = 0;
  uint32_t rounds_ = 0;
  uint64_t progress_tsc_ = 0, began_tsc_ = 0;
  uint64_t dispatches_seen_ = 0, dispatch_since_tsc_ = 0;
  TrialResult result_;

  std::unique_ptr<Worker> worker_;
  std::unique_ptr<NfTable> nfs_;  // in this order: see nflib/host.h
  std::unique_ptr<WorkerThread> thread_;
};

}  // namespace roost
