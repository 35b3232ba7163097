// SPDX-License-Identifier: BSD-3-Clause
// Classic pcap files, byte by byte, so that tests can also make broken ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace roost::test {

class CaptureBytes {
 public:
  static constexpr uint32_t kEthernet = 1;

  explicit CaptureBytes(uint32_t link_type = kEthernet) {
    put(0xa1b2c3d4U);
    put(0x00040002U);  // version 2.4, as two 16-bit numbers
    put(0);
    put(0);
    put(262144);
    put(link_type);
  }

  CaptureBytes& frame(uint32_t length, uint64_t time_us = 0, char fill = 'x') {
    put(static_cast<uint32_t>(time_us / 1000000));
    put(static_cast<uint32_t>(time_us % 1000000));
    put(length);
    put(length);
    bytes_.append(length, fill);
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void put(uint32_t value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
  }

  std::string bytes_;
};

}  // namespace roost::test
