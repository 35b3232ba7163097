// SPDX-License-Identifier: BSD-3-Clause
// Writes packets to a capture file (classic pcap, Ethernet, nanosecond stamps). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct pcap;
struct pcap_dumper;
struct rte_mbuf;

namespace roost {

class PcapWriter {
 public:
  // Creates or overwrites the file. Throws Error where that fails.
  explicit PcapWriter(const std::string& path);
  // Flushes and closes; a failure then is said on stderr, for nobody is left to catch it.
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  // Writes the packets, stamped with the time of day; they stay the caller's. How many could be written: fewer
  // than `count` only when the disk is full or failing, and then 0 from there on.
  uint16_t write(rte_mbuf* const* packets, uint16_t count) noexcept;

 private:
  struct Closer {
    void operator()(pcap* handle) const noexcept;
    void operator()(pcap_dumper* dumper) const noexcept;
  };

  std::string path_;
  std::vector<uint8_t> scratch_;  // where a packet of several segments is put together
  std::unique_ptr<pcap, Closer> handle_;
  std::unique_ptr<pcap_dumper, Closer> dumper_;
};

}  // namespace roost
