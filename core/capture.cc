// SPDX-License-Identifier: BSD-3-Clause
#include "core/capture.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "core/error.h"

namespace roost {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
struct PcapCloser {
  void operator()(pcap_t* pcap) const noexcept { pcap_close(pcap); }
};
using Pcap = std::unique_ptr<pcap_t, PcapCloser>;

constexpr size_t kFileHeaderBytes = 24;

// What libpcap's own messages don't say, or say unclearly.
void check_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) fail("capture '{}' is a directory; name a pcap file", path);
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) fail_errno("capture '{}' can't be read; name an existing pcap file", path);
  uint8_t head[kFileHeaderBytes];
  const size_t got = std::fread(head, 1, sizeof head, file.get());
  if (got == 0) fail("capture '{}' is empty (0 bytes); name a pcap file with packets in it", path);
  constexpr uint8_t kPcapng[4] = {0x0a, 0x0d, 0x0d, 0x0a};
  if (got >= sizeof kPcapng && std::equal(kPcapng, kPcapng + sizeof kPcapng, head)) {
    fail("capture '{}' is pcapng, and classic pcap is needed; convert it: tcpdump -r {} -w classic.pcap", path, path);
  }
  if (got < sizeof head) {
    fail("capture '{}' is truncated: {} bytes, and its file header alone has {}; copy it again", path, got,
         kFileHeaderBytes);
  }
}

Pcap open_checked(const std::string& path) {
  check_file(path);
  char error[PCAP_ERRBUF_SIZE] = {};
  Pcap pcap(pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
  if (pcap == nullptr) fail("capture '{}' isn't a pcap file: {}", path, error);
  const int link = pcap_datalink(pcap.get());
  if (link != DLT_EN10MB) {
    const char* name = pcap_datalink_val_to_name(link);
    fail("capture '{}' has link type {} ({}), and Ethernet is needed; capture on an Ethernet interface", path,
         name == nullptr ? "unknown" : name, link);
  }
  return pcap;
}

}  // namespace

Capture Capture::load(const std::string& path) {
  const Pcap pcap = open_checked(path);
  Capture capture;
  capture.bytes_.reserve(std::filesystem::file_size(path));
  uint64_t first_ns = 0;
  uint64_t latest_ns = 0;
  for (;;) {
    pcap_pkthdr* header = nullptr;
    const uint8_t* data = nullptr;
    const int result = pcap_next_ex(pcap.get(), &header, &data);
    if (result == PCAP_ERROR_BREAK) break;
    if (result != 1) {
      fail("capture '{}' is truncated or damaged after {} packets: {}; copy it again, or cut it there", path,
           capture.frames_.size(), pcap_geterr(pcap.get()));
    }
    // With nanosecond precision, libpcap puts nanoseconds where the type says microseconds.
    const uint64_t time_ns =
        static_cast<uint64_t>(header->ts.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(header->ts.tv_usec);
    if (capture.frames_.empty()) first_ns = latest_ns = time_ns;
    latest_ns = std::max(latest_ns, time_ns);
    capture.frames_.push_back({capture.bytes_.size(), latest_ns - first_ns, header->caplen});
    capture.bytes_.insert(capture.bytes_.end(), data, data + header->caplen);
  }
  if (capture.frames_.empty()) fail("capture '{}' has no packets; name one that has", path);
  return capture;
}

}  // namespace roost
