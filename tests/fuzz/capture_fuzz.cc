// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a capture: frames that lie inside it, in order of time, or a refusal.
#include <sys/mman.h>
#include <unistd.h>

#include <numeric>
#include <string>

#include "core/capture.h"
#include "core/error.h"
#include "core/shared_memory.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const roost::FileDescriptor file(memfd_create("capture", MFD_CLOEXEC));
  roost::fuzz::require(file && write(file.get(), data, bytes) == static_cast<ssize_t>(bytes), "there is a file");
  try {
    const auto capture = roost::Capture::load("/proc/self/fd/" + std::to_string(file.get()));
    uint64_t latest = 0;
    for (const auto& frame : capture.frames()) {
      roost::fuzz::require(frame.length <= bytes && frame.time_ns >= latest, "frames are the file's, in order");
      latest = frame.time_ns;
      const volatile uint8_t seen =
          std::accumulate(capture.data(frame), capture.data(frame) + frame.length, uint8_t{0});
      static_cast<void>(seen);
    }
  } catch (const roost::Error& error) {
    roost::fuzz::require(error.what()[0] != '\0', "a refusal says why");
  }
  return 0;
}
