// SPDX-License-Identifier: BSD-3-Clause
// A hostile NF: alone in its host, it looks for the region that the host shares with the manager and sets its inbox's
// cursor to where it has never been.
#include <roost/nf.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "core/host_region.h"

class Rewind final : public roost::Nf {
 public:
  void start(roost::Context&) override {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
      if (line.find("memfd:roost-host-") != std::string::npos && region_ == nullptr)
        region_ = reinterpret_cast<std::byte*>(std::stoull(line, nullptr, 16));
  }
  void process(roost::Burst&) noexcept override {
    if (region_ == nullptr) return;
    const roost::HostLayout layout{.nfs_max = 1};
    roost::HostRegion(region_, layout).nf(0).consumed.store(0x8000'0000);
    usleep(20'000);  // meanwhile the inbox fills, and the manager looks
  }

 private:
  std::byte* region_ = nullptr;
};
ROOST_NF(Rewind)
