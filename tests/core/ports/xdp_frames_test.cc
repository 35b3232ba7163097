// SPDX-License-Identifier: BSD-3-Clause
// Frames of AF_XDP go round between a port and a kernel, which here is the test: it takes frames, and says what it
// took, as Linux does (net/xdp/xsk_queue.h, xskq_cons_peek_addr_unchecked).
#include "core/ports/xdp_frames.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <vector>

namespace roost {
namespace {

constexpr uint32_t kBefore = 256;  // XDP's headroom

class FakeKernel {
 public:
  explicit FakeKernel(uint32_t fill_places)
      : memory(size_t{kXdpFrames} * kXdpFrameBytes), fill_entries_(fill_places), filled_entries_(kXdpFrames) {
    fill = {0,      fill_places, fill_places - 1, fill_places, &fill_produced_, &fill_consumed_, fill_entries_.data(),
            &flags_};
    filled = {0, 0, kXdpFrames - 1, kXdpFrames, &filled_produced_, &filled_consumed_, filled_entries_.data(), &flags_};
    give_all_frames(fill);
  }

  // A packet that carries its number. False: there is no frame for it, as far as the kernel knows.
  bool deliver() {
    if (taken_ == seen_) {  // only now it says what it took, and looks for more
      fill_consumed_ = taken_;
      seen_ = fill_produced_;
      if (taken_ == seen_) return false;
    }
    const uint64_t frame = fill_entries_[taken_++ & (fill_entries_.size() - 1)];
    EXPECT_TRUE(in_use_.insert(frame).second) << "frame " << frame / kXdpFrameBytes << " was handed out twice";
    std::memcpy(&memory[frame + kBefore], &delivered, sizeof delivered);
    filled_entries_[filled_produced_ & (kXdpFrames - 1)] = {frame + kBefore, sizeof delivered, 0};
    ++filled_produced_;
    ++delivered;
    return true;
  }

  // As a port does; the packets come in their order, each as it was.
  uint32_t receive(uint32_t count) {
    const uint32_t first = filled_consumed_;
    const uint32_t came =
        receive_frames(filled, fill, memory.data(), count, [this](uint32_t, const uint8_t* bytes, uint32_t length) {
          uint32_t number = 0;
          ASSERT_EQ(length, sizeof number);
          std::memcpy(&number, bytes, sizeof number);
          EXPECT_EQ(number, received++);
        });
    for (uint32_t i = 0; i < came; ++i) in_use_.erase(filled_entries_[(first + i) & (kXdpFrames - 1)].addr - kBefore);
    return came;
  }
  uint32_t waiting() const { return filled_produced_ - filled_consumed_; }

  std::vector<uint8_t> memory;
  xsk_ring_prod fill{};
  xsk_ring_cons filled{};
  uint32_t delivered = 0, received = 0;

 private:
  std::vector<uint64_t> fill_entries_;
  std::vector<xdp_desc> filled_entries_;
  uint32_t fill_produced_ = 0, fill_consumed_ = 0, filled_produced_ = 0, filled_consumed_ = 0, flags_ = 0;
  uint32_t taken_ = 0, seen_ = 0;  // of the fill ring; what it took it has not told
  std::set<uint64_t> in_use_;      // from where the kernel took them to where they are given back
};

// Whatever was taken and not told, what waits is received at once.
TEST(XdpFrames, EachIsInOnePlaceAndNothingWaitsForTheKernelsWord) {
  FakeKernel kernel(kXdpFillPlaces);
  std::mt19937 random(1);
  for (int turn = 0; turn < 20'000; ++turn) {
    for (uint32_t i = random() % (turn % 1'000 == 0 ? 2'000 : 64); i != 0 && kernel.deliver(); --i) continue;
    const bool due = kernel.waiting() != 0;
    ASSERT_EQ(kernel.receive(1 + random() % 64) != 0, due) << "turn " << turn;
    ASSERT_FALSE(testing::Test::HasFailure()) << "turn " << turn;
  }
  while (kernel.receive(64) != 0) continue;
  EXPECT_EQ(kernel.received, kernel.delivered);
  EXPECT_GT(kernel.delivered, 100'000U);
}

// With a shorter fill ring some have to wait for it; still none goes where there is no place.
TEST(XdpFrames, FramesGoBackOnlyIntoPlacesThatThereAre) {
  FakeKernel kernel(kXdpFrames);
  std::mt19937 random(2);
  uint32_t waited = 0;
  for (int turn = 0; turn < 20'000; ++turn) {
    for (uint32_t i = random() % 64; i != 0 && kernel.deliver(); --i) continue;
    const uint32_t came = kernel.receive(1 + random() % 64);
    if (came == 0 && kernel.waiting() != 0) ++waited;
    ASSERT_FALSE(testing::Test::HasFailure()) << "turn " << turn;
  }
  EXPECT_GT(waited, 0U);
  EXPECT_GT(kernel.received, 100'000U);
}

}  // namespace
}  // namespace roost
