// SPDX-License-Identifier: BSD-3-Clause
// A hostile NF, alone in its host: {"deed": NAME} says what it does to the memory, the sockets and the packets that it
// can reach, from its first burst on. It has the whole process to itself and needs nobody's help for that.
#include <pthread.h>
#include <roost/config.h>
#include <roost/nf.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/host_region.h"
#include "core/packet_memory.h"
#include "core/verdict.h"

namespace {

using roost::Descriptor;

struct Mapping {
  std::byte* first;
  size_t bytes;
  std::string name;
};

// All that this process can write to and shares with others.
std::vector<Mapping> shared_and_writable() {
  std::vector<Mapping> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" rw-s ") == std::string::npos) continue;
    size_t end = 0;
    const auto first = std::stoull(line, &end, 16);
    const auto last = std::stoull(line.substr(end + 1), nullptr, 16);
    found.push_back({reinterpret_cast<std::byte*>(first), last - first, line});
  }
  return found;
}

class Hostile final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    deed_ = config.text("deed").value();
    socket_ = config.text("socket").value_or("");
    mappings_ = shared_and_writable();
    for (const Mapping& each : mappings_) {
      if (each.name.find("memfd:roost-host-") == std::string::npos) continue;
      region_ = roost::HostRegion(each.first, {1, 10, 12, 6});  // as the manager lays out a process NF's
      granted_ = region_.grants<roost::RingConsumer>();
    }
  }

  void process(roost::Burst& burst) noexcept override {
    for (auto& packet : burst) packet.verdict = roost::drop();  // what it holds up is not timed: others' packets are
    const std::map<std::string, std::function<void()>> deeds{
        {"range",
         [&] {
           forge({0x7fffffff, roost::kNoHandle, roost::kHandlesPerNode});
         }},
        {"others", [&] { forge_all(burst); }},
        {"stale", [&] { send_stale(burst); }},
        {"replay", [&] { replay(burst); }},
        {"lengths", [&] { send_own(burst, 60'000, 60'000, roost::out(0), 0); }},
        {"hops", [&] { send_own(burst, roost::kHeadroomBytes, 64, roost::next().with_hops(200), 0); }},
        {"segments", [&] { send_segments(burst); }},
        {"rewind", [&] { region_.nf(0).consumed.store(0x8000'0000); }},
        {"overrun", [&] { region_.nf(0).consumed.fetch_add(1 << 20); }},
        {"grants", [&] { ask_for_grants(); }},
        {"outbox", [&] { fill_outbox(); }},
        {"region", [&] { scribble("memfd:roost-host-"); }},
        {"everything", [&] { scribble(""); }},
        {"speak", [&] { speak(); }},
        {"flood", [&] { flood(); }},
        {"stall", [&] { stall(); }},
        {"stop", [&] { kill(getpid(), SIGSTOP); }},
    };
    // An outbox that it has overwritten before the manager has read it is empty to the manager, and only its own loss:
    // what it has pushed is left there for a while, and so that it all fits into the outbox, it is pushed ten times.
    const bool pushes = deed_ != "rewind" && deed_ != "overrun" && deed_ != "stall";
    if (pushes && ++bursts_ > 10) return;
    deeds.at(deed_)();
    if (pushes) usleep(10'000);
  }

 private:
  // The worker's own cursor is in memory of its own, too, but there is no need to look for it: the first slot of
  // another lap than the slots before it is the next one.
  struct Next {
    uint32_t position;
    uint8_t lap;  // what marks the slot as filled
  };
  static constexpr uint32_t kOutboxSlots = 1 << 12;
  Next next_of_outbox() const noexcept {
    const roost::RingSlot* const slots = region_.outbox<roost::RingProducer>().slots;
    const auto lap_of = [&](uint32_t i) { return static_cast<uint8_t>(slots[i].tagged.load() >> 56); };
    uint32_t next = 1;
    while (next < kOutboxSlots && lap_of(next) == lap_of(0)) ++next;
    const bool wraps = next == kOutboxSlots;  // or nothing has ever been there
    const uint8_t lap = wraps ? lap_of(0) + 1 : lap_of(0);
    return {wraps ? uint32_t{lap_of(0)} << 12 : ((uint32_t{lap_of(0)} - 1) << 12) + next, lap};
  }
  void push(Descriptor d) noexcept {
    roost::RingProducer ring;
    ring.slots = region_.outbox<roost::RingProducer>().slots;
    ring.shift = 12;
    ring.position = next_of_outbox().position;
    ring.push(d);
  }
  // Some are its own again by now: these, too, are to leave by no port.
  void forge(std::initializer_list<uint32_t> handles) noexcept {
    for (const uint32_t handle : handles) push({handle, roost::kHeadroomBytes, 64, roost::drop().word, 0, 0});
  }
  // Whoever has them: other hosts, the manager, nobody.
  void forge_all(roost::Burst& burst) noexcept {
    for (uint32_t handle = bursts_; handle < 8'000; handle += 25) {
      const bool own = std::any_of(burst.begin(), burst.end(),
                                   [&](auto& packet) { return roost::handle_at(packet.mbuf()) == handle; });
      if (!own) forge({handle});
    }
  }
  // What it held a while ago, and others, or nobody, by now.
  void send_stale(roost::Burst& burst) noexcept {
    if (bursts_ <= 5)
      for (auto& packet : burst) old_.push_back(roost::handle_at(packet.mbuf()));
    else
      for (const uint32_t handle : old_) forge({handle});
  }
  void send_own(roost::Burst& burst, uint16_t offset, uint16_t bytes, roost::Verdict verdict, uint8_t flags) noexcept {
    push({roost::handle_at((*burst.begin()).mbuf()), offset, bytes, verdict.word, 0, flags});
  }
  void replay(roost::Burst& burst) noexcept {
    for (int i = 0; i < 3; ++i) send_own(burst, roost::kHeadroomBytes, 64, roost::next().with_hops(1), 0);
  }
  void send_segments(roost::Burst& burst) noexcept {
    for (int i = 0; i < 300; ++i) send_own(burst, roost::kHeadroomBytes, 64, roost::out(0), Descriptor::kMoreSegments);
  }
  // What comes it gives back, so that there is more, and the manager looks at the cursor.
  void ask_for_grants() noexcept {
    region_.worker().grants_wanted.store(UINT32_MAX);
    region_.worker().grants_consumed.store(77'777);
    for (Descriptor d; granted_.pop(d);) push({d.handle, roost::kHeadroomBytes, 0, roost::drop().word, 0, 0});
  }
  // Noise, which the manager may find while it changes; and at last noise that is marked as what comes next.
  void fill_outbox() noexcept {
    const uint64_t lap = next_of_outbox().lap;
    roost::RingSlot* const slots = region_.outbox<roost::RingProducer>().slots;
    for (int round = 0; round <= 200; ++round)
      for (uint32_t i = 0; i < kOutboxSlots; ++i) {
        slots[i].packet.store(random_(), std::memory_order_relaxed);
        slots[i].tagged.store(round < 200 ? random_() : lap << 56 | random_() >> 8);
      }
  }
  // Until the manager, or what this does to its own host, makes an end of it.
  void scribble(const std::string& which) noexcept {
    for (;;)
      for (const Mapping& each : mappings_) {
        if (each.name.find(which) == std::string::npos) continue;
        for (int i = 0; i < 100'000; ++i) {
          const uint64_t word = random_();
          std::memcpy(each.first + random_() % (each.bytes / 8) * 8, &word, sizeof word);
        }
      }
  }
  // To the manager, over the connection of its own host.
  static void speak() noexcept {
    for (int fd = 3; fd < 256; ++fd) {
      int type = 0;
      socklen_t bytes = sizeof type;
      if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0 || type != SOCK_SEQPACKET) continue;
      const std::string text(60'000, '[');
      for (int i = 0; i < 100; ++i) send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  // Both sockets, with what is no request, and with one that would end the manager.
  void flood() noexcept {
    for (int i = 0; i < 2'000; ++i)
      for (const auto& [path, type] :
           {std::pair(socket_, SOCK_STREAM), std::pair(socket_ + ".hosts", SOCK_SEQPACKET)}) {
        const int fd = ::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
          const std::string text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"down\"}\n";
          send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        }
        close(fd);
      }
    forge({roost::kNoHandle});
  }
  static void stall() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    for (volatile uint64_t i = 0;;) i = i + 1;
  }

  std::string deed_, socket_;
  std::vector<Mapping> mappings_;
  roost::HostRegion region_;
  roost::RingConsumer granted_;
  std::vector<uint32_t> old_;
  uint32_t bursts_ = 0;
  std::mt19937_64 random_{7};
};

}  // namespace

ROOST_NF(Hostile)
