// SPDX-License-Identifier: BSD-3-Clause
#include "cli/scaled_capture.h"

#include <pcap/pcap.h>

#include <cmath>
#include <memory>

#include "core/capture.h"
#include "core/error.h"

namespace roost::cli {
namespace {

constexpr int kFrameBytesMost = 262'144;
constexpr uint64_t kNsPerSecond = 1'000'000'000;

struct Closer {
  void operator()(pcap_t* pcap) const noexcept { pcap_close(pcap); }
  void operator()(pcap_dumper_t* dumper) const noexcept { pcap_dump_close(dumper); }
};

}  // namespace

void write_scaled(const std::string& from, const std::string& to, double speed) {
  const Capture capture = Capture::load(from);
  const std::unique_ptr<pcap_t, Closer> format(
      pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kFrameBytesMost, PCAP_TSTAMP_PRECISION_NANO));
  const std::unique_ptr<pcap_dumper_t, Closer> out(pcap_dump_open(format.get(), to.c_str()));
  if (out == nullptr) fail("capture '{}': cannot write it: {}", to, pcap_geterr(format.get()));
  for (const Capture::Frame& frame : capture.frames()) {
    const auto ns = static_cast<uint64_t>(std::llround(static_cast<double>(frame.time_ns) / speed));
    pcap_pkthdr header{};
    header.ts.tv_sec = static_cast<time_t>(ns / kNsPerSecond);
    header.ts.tv_usec = static_cast<suseconds_t>(ns % kNsPerSecond);  // nanoseconds, as the precision says
    header.caplen = header.len = frame.length;
    pcap_dump(reinterpret_cast<u_char*>(out.get()), &header, capture.data(frame));
  }
  if (pcap_dump_flush(out.get()) != 0) fail("capture '{}': writing it failed; is the disk full?", to);
}

}  // namespace roost::cli
