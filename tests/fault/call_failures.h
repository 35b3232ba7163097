// SPDX-License-Identifier: BSD-3-Clause
// Programs whose n-th call of a kind fails, or is their last: by fail_calls.so, which is preloaded into them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "core/shared_memory.h"
#include "tests/fault/preload/injection.h"
#include "tests/integration/manager_process.h"

namespace roost::test {

struct FailingCall {
  std::string_view call;
  int error;
};

class CallFailures : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's run time makes these calls, too";
    const FileDescriptor file(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(ftruncate(file.get(), sizeof(Injection)), 0);
    void* const at = mmap(nullptr, sizeof(Injection), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    ASSERT_NE(at, MAP_FAILED);
    to_ = new (at) Injection;
  }
  std::vector<std::string> prefix() const {
    return {"env", "LD_PRELOAD=" + module("fail_calls"), "ROOST_INJECTION=" + path_};
  }
  void set(const FailingCall& deed, uint32_t nth, bool in_host) {
    to_->error = 0;
    to_->call = static_cast<uint32_t>(std::find(kCalls.begin(), kCalls.end(), deed.call) - kCalls.begin());
    to_->in_host = in_host;
    to_->wanted = nth;
    to_->made = to_->failed = 0;
    to_->error = deed.error;
  }
  uint32_t stop() {  // how many have failed
    to_->error = 0;
    return to_->failed;
  }

  TempDir folder_;
  std::string path_ = folder_.path("injection");
  Injection* to_ = nullptr;
};

}  // namespace roost::test
