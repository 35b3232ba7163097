// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a frame: its flow key, in one piece and cut in two, which must not matter beyond what the first segment
// has.
#include <rte_mbuf.h>

#include <vector>

#include "core/flow_key.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  if (bytes < 1) return 0;
  const size_t cut = data[0];
  const std::vector<uint8_t> frame(data + 1, data + bytes);
  const auto length = static_cast<uint32_t>(frame.size());
  const roost::FlowKey whole = roost::flow_key(frame.data(), length, 3);
  roost::fuzz::require(whole == roost::flow_key(frame.data(), length, 3), "a key is the frame's alone");

  std::vector<uint8_t> first(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(std::min(cut, frame.size())));
  std::vector<uint8_t> second(frame.begin() + static_cast<std::ptrdiff_t>(first.size()), frame.end());
  rte_mbuf head{}, tail{};
  head.buf_addr = first.data();
  head.data_len = static_cast<uint16_t>(first.size());
  head.pkt_len = length;
  head.nb_segs = second.empty() ? 1 : 2;
  head.next = second.empty() ? nullptr : &tail;
  tail.buf_addr = second.data();
  tail.data_len = static_cast<uint16_t>(second.size());
  tail.nb_segs = 1;
  const rte_mbuf* const packets[] = {&head, &head};
  roost::FlowKey keys[2];
  roost::flow_keys(packets, 2, 3, keys);
  roost::fuzz::require(keys[0] == keys[1], "a burst's keys do not depend on each other");
  if (second.empty()) roost::fuzz::require(keys[0] == whole, "a burst's key is the frame's");
  return 0;
}
