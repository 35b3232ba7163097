// SPDX-License-Identifier: BSD-3-Clause
// Takes what it is told to: {"start_mib": N} of memory when it starts, {"packet_mib": N} more with each burst, and
// {"threads": N} that stay; {"read": PATH} is a file that it reads. start() fails with what came of threads and file.
#include <roost/config.h>
#include <roost/nf.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

class Greedy final : public roost::Nf {
 public:
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    take(config.number("start_mib", 0, 1 << 20).value_or(0));
    packet_mib_ = config.number("packet_mib", 0, 1 << 20).value_or(0);
    std::string came_of_it;
    if (const auto threads = config.number("threads", 0, 1 << 20)) {
      uint64_t there = 0;
      try {
        for (; there < *threads; ++there)
          std::thread([] { std::this_thread::sleep_for(std::chrono::hours(1)); }).detach();
      } catch (const std::system_error& error) {
        came_of_it += "threads=" + std::to_string(there) + " " + error.what() + " ";
      }
    }
    if (const auto path = config.text("read"))
      came_of_it += "uid=" + std::to_string(getuid()) + (std::ifstream(*path) ? " read" : " not read");
    if (!came_of_it.empty()) throw std::runtime_error("tried: " + came_of_it);
  }
  void process(roost::Burst& burst) noexcept override {
    take(packet_mib_);
    for (auto& packet : burst) packet.verdict = roost::next();
  }

 private:
  void take(uint64_t mib) {
    for (; mib != 0; --mib) {
      had_.push_back(std::make_unique<char[]>(1 << 20));
      std::memset(had_.back().get(), 1, 1 << 20);
    }
  }
  std::vector<std::unique_ptr<char[]>> had_;
  uint64_t packet_mib_ = 0;
};

}  // namespace

ROOST_NF(Greedy)
