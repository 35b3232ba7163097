// SPDX-License-Identifier: BSD-3-Clause
// Captures whose frames say which flow they are of and which one in it, and what comes out of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/capture.h"

namespace roost::test {

inline void put_be(std::string& to, uint64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) to.push_back(static_cast<char>(value >> (8 * i)));
}

// A UDP packet of this flow, IPv6 for odd flows, of `bytes` in all (60 at least).
inline std::string udp_frame(uint16_t flow, uint32_t number, uint32_t bytes) {
  const bool wide = flow % 2 == 1;
  std::string frame("\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
  put_be(frame, wide ? 0x86dd : 0x0800, 2);
  const uint32_t udp_bytes = bytes - 14 - (wide ? 40 : 20);
  if (wide) {
    put_be(frame, 0x60000000, 4);
    put_be(frame, udp_bytes, 2);
    put_be(frame, 0x1140, 2);
    for (int i = 0; i < 2; ++i) {
      put_be(frame, 0x20010db800000000, 8);
      put_be(frame, flow, 8);
    }
  } else {
    put_be(frame, 0x4500, 2);
    put_be(frame, bytes - 14, 2);
    put_be(frame, 0, 4);
    put_be(frame, 0x4011, 2);
    put_be(frame, 0, 2);
    put_be(frame, 0x0a000000U + flow, 4);
    put_be(frame, 0x0a010001, 4);
  }
  put_be(frame, 1000 + flow, 2);
  put_be(frame, 53, 2);
  put_be(frame, udp_bytes, 2);
  put_be(frame, 0, 2);
  put_be(frame, flow, 2);
  put_be(frame, number, 4);
  while (frame.size() < bytes) frame.push_back(static_cast<char>(frame.size() * 7 + number));
  return frame;
}

// Classic pcap.
class CaptureFile {
 public:
  CaptureFile() {
    for (const uint32_t word : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 262144U, 1U}) put(word);
  }
  void add(const std::string& frame, uint64_t time_us) {
    const auto bytes = static_cast<uint32_t>(frame.size());
    for (const uint32_t word :
         {static_cast<uint32_t>(time_us / 1'000'000), static_cast<uint32_t>(time_us % 1'000'000), bytes, bytes})
      put(word);
    bytes_ += frame;
  }
  const std::string& bytes() const noexcept { return bytes_; }

 private:
  void put(uint32_t word) { bytes_.append(reinterpret_cast<const char*>(&word), sizeof word); }
  std::string bytes_;
};

inline std::vector<std::string> frames_of(const std::string& path) {
  const Capture capture = Capture::load(path);
  std::vector<std::string> frames;
  for (const auto& frame : capture.frames())
    frames.emplace_back(reinterpret_cast<const char*>(capture.data(frame)), frame.length);
  return frames;
}

// The frames of each flow, in their order; by addresses and ports, which is all of a header that differs here.
inline std::map<std::string, std::vector<std::string>> by_flow(const std::vector<std::string>& frames) {
  std::map<std::string, std::vector<std::string>> flows;
  for (const auto& frame : frames)
    flows[frame[12] == '\x08' ? frame.substr(26, 12) : frame.substr(22, 36)].push_back(frame);
  return flows;
}

}  // namespace roost::test
