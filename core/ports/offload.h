// SPDX-License-Identifier: BSD-3-Clause
// What a virtual peer left to hardware that isn't there, finished in software: checksums that are begun, and packets
// longer than the MTU, which are cut into those that a network card would have sent. Between ports a packet is as it
// would be on a wire, so that NFs need not know of any of this.
//
// Nothing that a frame or its header says is trusted: each length and offset is checked against the frame's bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace roost {

// What the kernel puts before a packet: struct virtio_net_hdr, whose header C++ can't include.
struct OffloadHeader {
  uint8_t flags = 0;
  uint8_t kind = 0;
  uint16_t header_bytes = 0;  // a hint, not used
  uint16_t segment_bytes = 0;
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
};
static_assert(sizeof(OffloadHeader) == 10);

inline constexpr uint8_t kChecksumIsBegun = 1;  // a flag
inline constexpr uint8_t kWhole = 0;            // kinds: this, or what it is to be cut into
inline constexpr uint8_t kTcp4Segments = 1;
inline constexpr uint8_t kTcp6Segments = 4;
inline constexpr uint8_t kUdpSegments = 5;
inline constexpr uint8_t kWithEcn = 0x80;  // added to a kind

// The checksum over the frame from `start` on, which begins with what its field, at start + offset, holds (the sum of a
// pseudo header). False: that is not within the frame, or begins at an odd byte; the frame is then as it was.
bool finish_checksum(uint8_t* frame, uint32_t bytes, uint32_t start, uint32_t offset) noexcept;

// Where a frame comes without such a header: whether its TCP or UDP checksum holds no more than the pseudo header's
// sum, as the kernel leaves it to hardware, and if so where to begin and where the field is. A finished one that looks
// the same stays as it is when it is finished once more.
bool find_begun_checksum(const uint8_t* frame, uint32_t bytes, OffloadHeader& header) noexcept;

// Cuts one TCP or UDP packet, over IPv4 or IPv6, behind up to two VLAN tags.
class SegmentCutter {
 public:
  // `frame` stays where it is until done(). False: it is not what the header says, or not of these; nothing to cut.
  bool begin(const uint8_t* frame, uint32_t bytes, const OffloadHeader& header) noexcept;

  bool done() const noexcept { return next_ >= bytes_; }
  uint32_t segment_bytes() const noexcept { return header_bytes_ + payload_bytes(); }
  // Writes the next segment, of segment_bytes(), and goes on to the one behind it.
  void cut(uint8_t* to) noexcept;

 private:
  uint32_t payload_bytes() const noexcept { return bytes_ - next_ < payload_max_ ? bytes_ - next_ : payload_max_; }
  bool find_headers(const OffloadHeader& header) noexcept;

  const uint8_t* frame_ = nullptr;
  uint32_t bytes_ = 0, next_ = 0;  // of the frame; where the next segment's payload begins
  uint32_t ip_at_ = 0, transport_at_ = 0, header_bytes_ = 0, payload_max_ = 0;
  uint32_t number_ = 0;  // of the next segment
  bool wide_ = false, tcp_ = false;
};

}  // namespace roost
