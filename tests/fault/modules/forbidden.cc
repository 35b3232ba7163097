// SPDX-License-Identifier: BSD-3-Clause
// Does, when it starts, what hosts may not, and what they may, and writes what came of it into its exception: start()
// fails with the list "name=errno ...". With {"while_running": true} it calls one such thing in each burst instead.
#include <fcntl.h>
#include <roost/config.h>
#include <roost/nf.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

void* arena() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("memfd:roost-packets") != std::string::npos)
      return reinterpret_cast<void*>(std::stoull(line, nullptr, 16));
  return nullptr;
}

class Forbidden final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    if (config.flag("while_running").value_or(false)) return;
    const auto other = static_cast<pid_t>(config.number("other", 1, UINT32_MAX).value_or(1));
    const std::string memory = "/proc/" + std::to_string(other) + "/mem";
    tried("socket", syscall(SYS_socket, 1, 1, 0));
    tried("fork", syscall(SYS_fork));
    tried("clone", syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    tried("execve", syscall(SYS_execve, "/bin/true", nullptr, nullptr));
    tried("ptrace", syscall(SYS_ptrace, 16, other, nullptr, nullptr));
    tried("process_vm_writev", syscall(SYS_process_vm_writev, other, nullptr, 0, nullptr, 0, 0));
    tried("kill", kill(other, 0));
    tried("tgkill", syscall(SYS_tgkill, other, other, 0));
    tried("sched_setaffinity", syscall(SYS_sched_setaffinity, other, 0, nullptr));
    tried("mount", syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr));
    tried("bpf", syscall(SYS_bpf, 0, nullptr, 0));
    tried("kexec_load", syscall(SYS_kexec_load, 0, 0, nullptr, 0));
    tried("init_module", syscall(SYS_init_module, nullptr, 0, nullptr));
    tried("unshare", syscall(SYS_unshare, 0));
    tried("io_uring_setup", syscall(SYS_io_uring_setup, 1, nullptr));
    tried("fallocate", syscall(SYS_fallocate, 0, 3, 0, 4096));
    tried("ftruncate", ftruncate(0, 0));
    tried("hole", madvise(arena(), 4096, MADV_REMOVE));
    tried("fork_memory", madvise(arena(), 4096, MADV_DOFORK));
    tried("own_signals", fcntl(0, F_SETOWN, other));
    tried("dumpable", prctl(PR_SET_DUMPABLE, 1));
    tried("write_file", open("/dev/null", O_WRONLY));
    tried("read_memory", open(memory.c_str(), O_RDONLY));
    tried("lock", mlock(this, 1));
    // What NFs do.
    tried("read_file", open("/dev/null", O_RDONLY));
    tried("signal_itself", kill(getpid(), 0));
    tried("own_affinity", sched_yield());
    std::thread([] {}).join();
    throw std::runtime_error("tried: " + came_of_it_);
  }
  void process(roost::Burst&) noexcept override { failed_ += syscall(SYS_socket, 1, 1, 0) < 0; }

 private:
  void tried(const char* what, long result) {
    came_of_it_ += std::string(what) + "=" + (result < 0 ? std::to_string(errno) : "done") + " ";
  }

  std::string came_of_it_;
  uint64_t failed_ = 0;
};

}  // namespace

ROOST_NF(Forbidden)
