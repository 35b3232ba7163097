// SPDX-License-Identifier: BSD-3-Clause
// The manager as a host sees it, for tests: hands out memory, sends requests, delivers packets and collects them.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/host_region.h"
#include "core/packet_memory.h"
#include "core/path.h"
#include "core/protocol.h"
#include "core/socket.h"
#include "core/verdict.h"
#include "tests/support/temp_dir.h"

extern char** environ;

namespace roost::test {

using namespace std::chrono_literals;

inline pid_t run_program(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ), 0);
  return pid;
}

// The status that waitpid gives, nothing if the process lives on.
inline std::optional<int> ends_within(pid_t pid, std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  do {
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid) return status;
    std::this_thread::sleep_for(2ms);
  } while (std::chrono::steady_clock::now() < until);
  return std::nullopt;
}

inline std::optional<Message> receive_within(int socket, std::chrono::milliseconds time) {
  pollfd readable{socket, POLLIN, 0};
  if (poll(&readable, 1, static_cast<int>(time.count())) <= 0) return std::nullopt;
  return receive_message(socket);
}

class FakeManager {
 public:
  static constexpr uint32_t kPackets = 64;

  explicit FakeManager(uint32_t nfs_max = 16) : region_(make_region(nfs_max)) {
    for (uint32_t handle = 0; handle < kPackets; ++handle) packet_view(handle)->priv_size = kMetadataBytes;
    WorkerOrders& orders = region_.worker().orders;
    region_.worker().bell.init(WaitMode::futex);
    orders.wake_packets = 1;
    orders.weight = 100;
    orders.burst_packets = 32;
    outbox_ = region_.outbox<RingConsumer>();
    inbox_ = region_.inbox<RingProducer>();
  }

  std::string socket() const { return folder_.path("s"); }
  int connection() const { return host_.get(); }
  HostRegion& region() { return region_; }
  PathTableView paths() { return PathTableView(paths_.data()); }
  int core = -1;

  // Takes the connection of a host that attaches and answers it. Returns its request.
  Json accept_host(Json changes = Json::object()) {
    pollfd readable{listener_.get(), POLLIN, 0};
    if (poll(&readable, 1, 10'000) <= 0) fail("no host came");
    host_ = accept_unix(listener_.get());
    const auto message = receive_within(host_.get(), 10s);
    if (!message) fail("the host said nothing");
    const Json request = rpc_parse(message->text);
    Json result = terms();
    result.update(changes, true);
    send_message(host_.get(), json_text(rpc_result(request["id"], result)), descriptors());
    return request;
  }
  // What a host is told when it attaches, or is taken over; and what comes with it.
  Json terms() const {
    return {{"host", 1},
            {"layout", layout_json()},
            {"region_bytes", shared_.bytes()},
            {"paths_bytes", paths_.bytes()},
            {"tsc_hz", tsc_hz()},
            {"core", core},
            {"stack_bytes", 64 << 10},
            {"arenas", {{{"first", 0}, {"bytes", arena_.bytes()}}}}};
  }
  std::vector<int> descriptors() const { return {shared_.fd(), paths_.fd(), eventfd_.get(), arena_.fd()}; }
  void use(FileDescriptor connection) { host_ = std::move(connection); }
  void hang_up() { host_.reset(); }

  // Sends a request and waits for its answer: the result, or throws Error with the text of the error.
  Json ask(const std::string& method, Json parameters, const std::vector<int>& descriptors = {}) {
    send_message(host_.get(), json_text(rpc_request(++requests_, method, std::move(parameters))), descriptors);
    return rpc_take_result(answer());
  }
  void tell(const std::string& text) { send_message(host_.get(), text); }
  Json answer() {
    const auto message = receive_within(host_.get(), 20s);
    if (!message) fail("no answer");
    return rpc_parse(message->text);
  }
  std::string why_not(const std::string& method, Json parameters, const std::vector<int>& descriptors = {}) {
    try {
      return "done: " + json_text(ask(method, std::move(parameters), descriptors));
    } catch (const Error& error) {
      return error.what();
    }
  }

  Json start_parameters(uint32_t first, uint32_t count, Json config = Json::object()) {
    return {{"module", 1},
            {"first", first},
            {"count", count},
            {"first_id", 100 + first},
            {"config", std::move(config)},
            {"services", {{"dns", 5}}},
            {"ports", {{"net0", 3}, {"net1", 4}}}};
  }

  void deliver(uint32_t nf, uint32_t handle, PathRef path, uint8_t flags = Descriptor::kLastHop) {
    Descriptor d;
    d.handle = handle;
    d.data_offset = kHeadroomBytes;
    d.data_bytes = 64;
    d.word = path.word;
    d.flags = flags;
    d.nf = nf;
    inbox_.push(d);
    region_.worker().orders.delivered.fetch_add(1);
    region_.worker().bell.park();
    if (region_.worker().bell.release()) region_.worker().bell.unblock(WaitMode::futex);
  }
  std::vector<Descriptor> collect(size_t count) {
    std::vector<Descriptor> all;
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (all.size() < count && std::chrono::steady_clock::now() < until) {
      Descriptor d;
      if (outbox_.pop(d)) all.push_back(d);
      outbox_.publish(true);
    }
    return all;
  }
  static uint32_t tag_of(uint32_t handle) {
    uint32_t tag;
    std::memcpy(&tag, packet_buffer(handle) + kHeadroomBytes, sizeof tag);
    return tag;
  }

 private:
  static uint64_t tsc_hz() {
    static const uint64_t hz = measure_tsc_hz();
    return hz;
  }
  HostRegion make_region(uint32_t nfs_max) {
    layout_.nfs_max = nfs_max;
    shared_ = SharedMemory::create({.name = "region", .bytes = layout_.bytes()});
    return {shared_.data(), layout_};
  }
  Json layout_json() const {
    return {{"nfs_max", layout_.nfs_max},
            {"inbox_shift", layout_.inbox_shift},
            {"outbox_shift", layout_.outbox_shift},
            {"grant_shift", layout_.grant_shift}};
  }

  TempDir folder_;
  FileDescriptor listener_ = listen_unix(folder_.path("s") + ".hosts", SOCK_SEQPACKET);
  FileDescriptor host_;
  FileDescriptor eventfd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  HostLayout layout_;
  SharedMemory shared_;
  SharedMemory paths_ =
      SharedMemory::create({.name = "paths", .bytes = PathTableView::bytes(64), .writable_by_others = false});
  SharedMemory arena_ =
      SharedMemory::create({.name = "arena", .bytes = size_t{kPackets} * kStrideBytes, .at = kArenaBase});
  HostRegion region_;
  RingConsumer outbox_;
  RingProducer inbox_;
  uint64_t requests_ = 0;
};

}  // namespace roost::test
