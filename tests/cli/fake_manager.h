// SPDX-License-Identifier: BSD-3-Clause
// A manager as far as its socket goes: answers each line with what a test says.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/protocol.h"
#include "core/socket.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_dir.h"

namespace roost::test {

class FakeManager {
 public:
  // What to send for a request, as it stands; nothing: close the connection.
  using Answer = std::function<std::string(const Json& request)>;

  explicit FakeManager(Answer answer) : answer_(std::move(answer)), listener_(listen_unix(path(), SOCK_STREAM)) {
    thread_ = std::thread([this] { run(); });
  }
  ~FakeManager() {
    done_ = true;
    thread_.join();
  }
  FakeManager(const FakeManager&) = delete;
  FakeManager& operator=(const FakeManager&) = delete;

  // An answer with this result to whatever is asked.
  static Answer result(Json result) {
    return [result = std::move(result)](const Json& request) {
      return json_text(rpc_result(request["id"], result)) + "\n";
    };
  }
  static Answer text(std::string text) {
    return [text = std::move(text)](const Json&) { return text; };
  }

  std::string path() const { return folder_.path("fake.sock"); }
  std::vector<Json> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (!done_) {
      pollfd incoming{listener_.get(), POLLIN, 0};
      if (poll(&incoming, 1, 10) <= 0) continue;
      if (const FileDescriptor connection = accept_unix(listener_.get())) serve(connection.get());
    }
  }

  void serve(int connection) {
    std::string buffer;
    set_blocking(connection, true);
    try {
      for (;;) {
        pollfd readable{connection, POLLIN, 0};
        while (poll(&readable, 1, 10) == 0)
          if (done_) return;
        const auto line = receive_line(connection, buffer, kRequestBytesMax);
        if (!line) return;
        const Json request = rpc_parse(*line);
        {
          const std::lock_guard lock(mutex_);
          requests_.push_back(request);
        }
        const std::string answer = answer_(request);
        if (answer.empty()) return;
        send_all(connection, answer);
      }
    } catch (const std::exception&) {  // the client has gone
    }
  }

  TempDir folder_;
  Answer answer_;
  FileDescriptor listener_;
  std::atomic<bool> done_{false};
  mutable std::mutex mutex_;
  std::vector<Json> requests_;
  std::thread thread_;
};

// The command line, alone and against that manager.
Outcome roost_run(const std::vector<std::string>& arguments);
Outcome roost_at(const FakeManager& manager, std::vector<std::string> arguments);

}  // namespace roost::test
