// SPDX-License-Identifier: BSD-3-Clause
// A host: the process in which NFs live. One worker thread runs them; the main thread serves the manager's requests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/socket.h"
#include "nflib/attach.h"
#include "nflib/confinement.h"
#include "nflib/nf_table.h"
#include "nflib/worker.h"
#include "nflib/worker_thread.h"

namespace roost {

class Host {
 public:
  // Attaches, maps what it is handed and starts the worker. `socket` is the manager's control socket. Throws Error;
  // what goes wrong once the manager has answered, the manager is told too.
  // `confinement`, if any, is entered before any NF's code is there.
  // `user`, if any, it is from before it attaches. `lifeline`, if any, is the nursery's, by which it hands over the
  // connection of a manager that comes after this one.
  Host(const std::string& socket, const std::string& token, const Confinement* confinement = nullptr,
       const std::optional<HostUser>& user = std::nullopt, FileDescriptor lifeline = {});
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Serves until the manager says quit, or is gone and no other takes the host over (host_waits.cc). False: an NF keeps
  // the worker from ending; only leaving the process without any clean-up (_exit) is safe then.
  bool serve();
  int status() const noexcept { return status_; }  // to exit with

 private:
  bool handle(Message request);  // false: quit
  Json answer(const std::string& method, const Json& parameters, Message& request);
  Json load(const Json& parameters, Message& request);
  Json start(const Json& parameters);
  Json stop(const Json& parameters);
  Json resume(const Json& parameters);
  void overrun(const Json& parameters);
  Json tell_nfs(const Json& parameters);
  Json done() const;
  void tell(const Json& response);

  // host_waits.cc
  bool wait_for_manager();
  bool prepare_to_wait();
  Json take_over(const Json& parameters, Message& request);

  Attachment memory_;
  HostRegion region_;
  FileDescriptor lifeline_;
  bool waits_ = false;  // no manager has it
  uint32_t lost_ = 0;   // packets that went with the manager
  int status_ = 0;
  std::map<uint32_t, std::shared_ptr<const Module>> modules_;
  std::vector<std::shared_ptr<const Module>> former_modules_;  // of managers before: their code may still run
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<NfTable> nfs_;          // after the worker: its NFs may hold packets of the worker's pool
  std::unique_ptr<WorkerThread> thread_;  // last: it ends before the NFs that it runs
};

// The life of a host process; returns its exit status. Prints what goes wrong to stderr.
int run_host(const std::string& socket, const std::string& token, const Confinement* confinement = nullptr,
             const std::optional<HostUser>& user = std::nullopt, FileDescriptor lifeline = {}) noexcept;

}  // namespace roost
