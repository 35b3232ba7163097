// SPDX-License-Identifier: BSD-3-Clause
// A real roostd for a test: started with a configuration of the test's, spoken to as operators do, ended and looked
// after: what it leaves behind is the test's failure.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/protocol.h"
#include "core/shared_memory.h"
#include "tests/support/temp_dir.h"

namespace roost::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Counts of packets, rounds and so on: a sanitized build gets a part of them.
constexpr uint64_t scaled(uint64_t count, uint64_t part = 8) { return kSanitized ? count / part : count; }

// True as soon as the condition is; false when it never was in time.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::milliseconds(kSanitized ? 60'000 : 15'000));
void pause_ms(uint32_t ms);

bool runs(pid_t pid);  // a process of that number, zombies left out
std::vector<pid_t> children_of(pid_t pid);
std::vector<pid_t> descendants_of(pid_t pid);
uint64_t cpu_ms(pid_t pid);  // user and system, so far

struct Exit {
  int status = -1;  // 128 + n: ended by signal n; -1: did not end in time
  std::string said;
};
// Runs a program to its end, its output in one text; `uid`, if any, is whose.
Exit run_to_end(const std::vector<std::string>& words, uint32_t patience_ms = 20'000);

// One operator's connection.
class Operator {
 public:
  explicit Operator(const std::string& socket);
  // The result; throws Error with the manager's words.
  Json call(std::string_view method, Json parameters = Json::object());
  // The whole answer, to a line as it is; discarded JSON where the manager closed without a word.
  Json say(std::string_view line);
  void write(std::string_view text);
  Json read();
  // What the error of this call says; empty: there was none.
  std::string refusal(std::string_view method, Json parameters = Json::object());
  int fd() const noexcept { return socket_.get(); }

 private:
  FileDescriptor socket_;
  std::string buffer_;
  uint64_t id_ = 0;
};

std::string nf(const std::string& name);      // path of an example's module
std::string module(const std::string& name);  // of a test's module

// The arenas that a process maps, by name. A host lets them go while it waits for another manager.
std::set<std::string> arenas_of(pid_t pid);

// Before the command line: its ports receive nothing until 'resume'.
inline const std::vector<std::string> kPaused{"sh", "-c", "exec \"$@\" --paused", "sh"};

class ManagerProcess {
 public:
  // Starts roostd and waits until it answers. A failure to start is a failure of the test.
  explicit ManagerProcess(const std::string& config, std::vector<std::string> prefix = {});
  ~ManagerProcess();  // kills what end() has not ended
  ManagerProcess(const ManagerProcess&) = delete;
  ManagerProcess& operator=(const ManagerProcess&) = delete;

  Operator& operate() { return *operator_; }
  Json call(std::string_view method, Json parameters = Json::object()) { return operator_->call(method, parameters); }
  std::string refusal(std::string_view method, Json parameters = Json::object()) {
    return operator_->refusal(method, std::move(parameters));
  }
  Json spawn(const std::string& module_path, const std::string& service, uint32_t count,
             const std::string& tier = "fiber", Json config = Json::object(), const std::string& tenant = "default");
  Json stats() { return call("stats"); }
  uint64_t figure(const std::string& name) { return stats().at(name).get<uint64_t>(); }
  uint64_t dropped(const std::string& cause) { return stats().at("dropped").value(cause, uint64_t{0}); }
  Json hosts() { return call("ps").at("hosts"); }
  std::vector<pid_t> live_hosts();
  Json nfs();  // all of them
  bool has_event(const std::string& part);
  std::string events();

  // Until all that was received has left or been dropped.
  bool settled(std::chrono::milliseconds patience = std::chrono::milliseconds(kSanitized ? 60'000 : 15'000));
  // Asks it to end by SIGTERM and checks that the end is clean: status 0, nobody and nothing left.
  void end();
  void expect_nothing_left();
  Exit wait_for_end(uint32_t patience_ms = 20'000);
  void kill_now(int signal);

  // Another roostd in the place of one that was killed; another configuration, if one is given.
  void start_again(const std::string& config = "", const std::vector<std::string>& prefix = {});

  // Such a one, killed as soon as this is so; false: it never was.
  bool start_again_until(const std::function<bool()>& now, const std::vector<std::string>& prefix = {});

  pid_t pid() const noexcept { return pid_; }
  pid_t nursery();
  const std::string& socket() const noexcept { return socket_; }
  std::string log() const;
  const TempDir& folder() const noexcept { return folder_; }

 private:
  void launch(std::vector<std::string> prefix);
  void start_program(std::vector<std::string> words);
  void forget_the_ended();

  TempDir folder_;
  std::string socket_, log_path_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = -1;
  std::unique_ptr<Operator> operator_;
  std::set<pid_t> known_;  // its processes, as far as seen
};

// received + created = transmitted + dropped + held, by the numbers themselves.
void expect_balanced(const Json& stats);
void expect_books_close(ManagerProcess& manager);  // pauses it, and waits until nothing is on its way
uint64_t dropped_total(const Json& stats);

// Configurations.
std::string port_null(const std::string& name);
// `chain` empty: no chain.
std::string port_generator(const std::string& name, const std::string& chain, const std::string& options);
std::string chain_of(const std::string& name, const std::vector<std::string>& services, const std::string& out);
std::string services(const std::vector<std::string>& names);
// Ports "in" (a generator with these options) and "out", a chain over the services, and more text.
std::string simple_config(const std::vector<std::string>& services, const std::string& generator_options,
                          const std::string& more = "");

}  // namespace roost::test
