// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/pcap_writer.h"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <rte_mbuf.h>

#include <cstdio>
#include <ctime>

#include "core/error.h"
#include "core/port.h"

namespace roost {

PcapWriter::PcapWriter(const std::string& path) : path_(path), scratch_(kPortFrameBytesMax) {
  handle_.reset(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kPortFrameBytesMax, PCAP_TSTAMP_PRECISION_NANO));
  if (handle_ == nullptr) fail("capture '{}': not enough memory to write it", path);
  dumper_.reset(pcap_dump_open(handle_.get(), path.c_str()));
  if (dumper_ == nullptr) {
    fail("capture '{}' can't be written: {}; name a file in a folder that you may write to", path,
         pcap_geterr(handle_.get()));
  }
}

PcapWriter::~PcapWriter() {
  if (pcap_dump_flush(dumper_.get()) != 0 || std::ferror(pcap_dump_file(dumper_.get())) != 0) {
    std::fputs(fmt::format("roost: capture '{}' is incomplete: writing failed; is the disk full?\n", path_).c_str(),
               stderr);
  }
}

void PcapWriter::Closer::operator()(pcap* handle) const noexcept { pcap_close(handle); }
void PcapWriter::Closer::operator()(pcap_dumper* dumper) const noexcept { pcap_dump_close(dumper); }

uint16_t PcapWriter::write(rte_mbuf* const* packets, uint16_t count) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  pcap_pkthdr header{};
  header.ts.tv_sec = now.tv_sec;
  header.ts.tv_usec = now.tv_nsec;  // nanoseconds, as the file's header says
  auto* const out = reinterpret_cast<u_char*>(dumper_.get());
  for (uint16_t i = 0; i < count; ++i) {
    const rte_mbuf* mbuf = packets[i];
    const uint32_t length = std::min(mbuf->pkt_len, kPortFrameBytesMax);
    const void* bytes = rte_pktmbuf_read(mbuf, 0, length, scratch_.data());
    if (bytes == nullptr || std::ferror(pcap_dump_file(dumper_.get())) != 0) return i;
    header.caplen = length;
    header.len = mbuf->pkt_len;
    pcap_dump(out, &header, static_cast<const u_char*>(bytes));
  }
  return count;
}

}  // namespace roost
