// SPDX-License-Identifier: BSD-3-Clause
#include "core/rules/flow_classes.h"

#include <rte_hash_crc.h>

namespace roost {

FlowClasses::FlowClasses(uint32_t beyond) : beyond_(beyond), slots_(kSlots) {
  PacketFields mask{};
  mask.in_port = 0xffff;
  if ((beyond & kBeyondVlan) != 0) mask.vlan |= static_cast<uint16_t>(~PacketFields::kVlanPriorityBits);
  if ((beyond & kBeyondVlanPriority) != 0)
    mask.vlan |= static_cast<uint16_t>(PacketFields::kVlanPriorityBits | PacketFields::kVlanTagged);
  if ((beyond & kBeyondDscp) != 0) mask.dscp = 0xff;
  if ((beyond & kBeyondIcmp) != 0) {
    mask.kind |= PacketFields::kIcmp;
    mask.icmp_type = mask.icmp_code = 0xff;
  }
  if ((beyond & kBeyondMacs) != 0) {
    std::memset(mask.eth_source, 0xff, sizeof mask.eth_source);
    std::memset(mask.eth_destination, 0xff, sizeof mask.eth_destination);
  }
  if ((beyond & kBeyondArp) != 0) {
    mask.kind |= PacketFields::kArp;
    mask.arp_operation = 0xffff;
  }
  const auto words = mask.words();
  mask_ = {words[0], words[1], words[2], (beyond & kBeyondArp) != 0 ? ~uint64_t{0} : 0};
}

FlowClasses::Row FlowClasses::row_of(const PacketFields& fields) const noexcept {
  Row row;
  std::memcpy(row.data(), &fields, 3 * sizeof(uint64_t));
  row[0] &= mask_[0];
  row[1] &= mask_[1];
  row[2] &= mask_[2];
  row[3] = 0;
  if ((fields.kind & PacketFields::kArp) != 0) {
    uint32_t addresses[2];
    std::memcpy(&addresses[0], fields.source, 4);
    std::memcpy(&addresses[1], fields.destination, 4);
    row[3] = (uint64_t{addresses[0]} << 32 | addresses[1]) & mask_[3];
  }
  return row;
}

uint32_t FlowClasses::place_of(const Row& row) const noexcept {
  uint32_t hash = 0;
  for (const uint64_t word : row) hash = rte_hash_crc_8byte(word, hash);
  // There is always a free one: there are twice as many slots as classes.
  for (uint32_t at = hash;; ++at) {
    const Slot& slot = slots_[at % kSlots];
    if (slot.number == 0 || slot.row == row) return at % kSlots;
  }
}

uint16_t FlowClasses::number(const PacketFields& fields) noexcept {
  const Row row = row_of(fields);
  if (last_number_ != kNone && row == last_) return last_number_;  // most often packets of a burst are alike
  Slot& slot = slots_[place_of(row)];
  if (slot.number == 0) {
    if (full()) return kNone;
    slot = {row, uint64_t{kFirst} + size_++};
  }
  last_ = row;
  last_number_ = static_cast<uint16_t>(slot.number);
  return last_number_;
}

uint16_t FlowClasses::find(const PacketFields& fields) const noexcept {
  const Slot& slot = slots_[place_of(row_of(fields))];
  return slot.number == 0 ? kNone : static_cast<uint16_t>(slot.number);
}

}  // namespace roost
