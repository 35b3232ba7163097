// SPDX-License-Identifier: BSD-3-Clause
// A capture (classic pcap, Ethernet), read whole into memory and checked at once, so that a replay neither waits
// for a disk nor meets a broken record half way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace roost {

class Capture {
 public:
  struct Frame {
    uint64_t offset;   // into the capture's bytes
    uint64_t time_ns;  // since the first frame; never falls, even where the file's stamps do
    uint32_t length;   // what was captured: a frame cut short by its snap length stays cut
  };

  // Throws Error: missing, unreadable, empty, truncated, pcapng, another link type, no packets. Any thread.
  static Capture load(const std::string& path);

  const std::vector<Frame>& frames() const noexcept { return frames_; }
  const uint8_t* data(const Frame& frame) const noexcept { return bytes_.data() + frame.offset; }
  uint64_t duration_ns() const noexcept { return frames_.empty() ? 0 : frames_.back().time_ns; }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<Frame> frames_;
};

}  // namespace roost
