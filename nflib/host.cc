// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/host.h"

#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/error.h"
#include "core/path.h"
#include "nflib/crash_handler.h"
#include "nflib/eal_shim.h"
#include "nflib/parameters.h"

namespace roost {
namespace {

constexpr std::chrono::milliseconds kStopPatience{500};
constexpr std::chrono::milliseconds kLeavePatience{1'000};   // for a thread to hear that it is to leave its worker
constexpr std::chrono::milliseconds kResumePatience{1'000};  // for the worker to come to it, on a core that it shares
constexpr size_t kErrorTextMax = 4096;                       // NFs write these; a message has an end

Numbers take_numbers(const Json& parameters, const char* name) {
  Numbers numbers;
  const Json& object = take_parameter(parameters, name);
  if (!object.is_object()) throw ParameterError(fmt::format("parameter '{}' is not an object of numbers", name));
  for (const auto& [key, value] : object.items())
    numbers[key] = take_number<uint16_t>(object, key.c_str(), 0, UINT16_MAX);
  return numbers;
}

std::vector<uint32_t> take_sorted_numbers(const Json& parameters, const char* name) {
  std::vector<uint32_t> numbers;
  if (!parameters.contains(name)) return numbers;
  const Json& list = parameters[name];
  const auto is_number = [](const Json& each) { return each.is_number_unsigned() && each <= Json(UINT32_MAX); };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_number))
    throw ParameterError(fmt::format("parameter '{}' is not a list of numbers", name));
  numbers = list.get<std::vector<uint32_t>>();
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

Host::Host(const std::string& socket, const std::string& token, const Confinement* confinement,
           const std::optional<HostUser>& user, FileDescriptor lifeline)
    : memory_(attach_to_manager(socket, token, user)), lifeline_(std::move(lifeline)) {
  try {
    region_ = HostRegion(memory_.region.data(), memory_.layout);
    init_eal_shim(memory_.tsc_hz);
    Worker::install_overrun_handler();
    worker_ = std::make_unique<Worker>(WorkerOptions{region_, PathTableView(memory_.paths.data()),
                                                     memory_.eventfd.get(), memory_.tsc_hz, memory_.stack_bytes});
    nfs_ = std::make_unique<NfTable>(*worker_, region_);
    thread_ = std::make_unique<WorkerThread>(*worker_, memory_.core);
    if (confinement == nullptr) return;  // a test's, in a process that is not its own
    install_crash_handler(region_.worker().crash);
    confinement->enter(region_);
  } catch (const std::exception& error) {
    tell(rpc_error(nullptr, RpcError::failed, error.what()));
    throw;
  }
}

bool Host::serve() {
  for (bool go_on = true; go_on;) {
    malloc_trim(0);  // thousands of hosts wait here, none of them with a buffer for a message
    pollfd readable{memory_.manager.get(), POLLIN, 0};
    if (poll(&readable, 1, -1) < 0) continue;  // a signal
    std::optional<Message> request = receive_message(memory_.manager.get());
    try {
      go_on = request ? handle(std::move(*request)) : wait_for_manager();
    } catch (const std::exception&) {
      go_on = wait_for_manager();  // the manager does not take the answer: it is gone
    }
  }
  if (!thread_->stop_within(region_.worker().bell, kStopPatience)) return false;
  thread_.reset();
  nfs_.reset();
  return true;
}

// Whatever the manager sends, it gets an answer, or, where the message was no request, an error.
bool Host::handle(Message request) {
  const Json message = rpc_parse(request.text);
  if (message.is_discarded()) {
    tell(rpc_error(nullptr, RpcError::parse, "the message is not JSON"));
    return true;
  }
  if (!message.is_object() || !message.contains("method")) {
    const bool is_answer = message.is_object() && (message.contains("result") || message.contains("error"));
    if (!is_answer) tell(rpc_error(nullptr, RpcError::invalid_request, "the message is no JSON-RPC request"));
    return true;
  }
  const Json id = message.value("id", Json());
  const Json& method = message["method"];
  const Json parameters = message.value("params", Json::object());
  if (method == "quit") return false;
  try {
    if (!method.is_string()) throw ParameterError("method is not a string");
    if (method == "overrun" && !waits_) {
      overrun(parameters);
      return true;
    }
    tell(rpc_result(id, answer(method.get<std::string>(), parameters, request)));
  } catch (const ParameterError& error) {
    tell(rpc_error(id, RpcError::invalid_parameters, error.what()));
  } catch (const std::exception& error) {
    tell(rpc_error(id, RpcError::failed, std::string_view(error.what()).substr(0, kErrorTextMax)));
  }
  return true;
}

Json Host::answer(const std::string& method, const Json& parameters, Message& request) {
  if (method == "take_over") return take_over(parameters, request);
  if (waits_) throw ParameterError("this host waits for a manager; take_over comes first");
  if (method == "load") return load(parameters, request);
  if (method == "start") return start(parameters);
  if (method == "stop") return stop(parameters);
  if (method == "tell") return tell_nfs(parameters);
  if (method == "resume") return resume(parameters);
  throw ParameterError(
      fmt::format("no method '{}'; a host has load, start, stop, tell, overrun, resume, take_over, quit", method));
}

Json Host::load(const Json& parameters, Message& request) {
  const uint32_t number = take_number(parameters, "module", 0u, UINT32_MAX);
  const std::string& path = take_text(parameters, "path");
  if (request.descriptors.size() != 1)
    throw ParameterError(
        fmt::format("load: {} descriptors came with it; it needs the module's", request.descriptors.size()));
  if (modules_.contains(number)) throw ParameterError(fmt::format("load: there is a module {} already", number));
  const auto module = std::make_shared<const Module>(std::move(request.descriptors[0]), path);
  modules_[number] = module;
  const ModuleDescriptor& of = module->descriptor();
  return {{"name", of.name}, {"abi", of.abi_version}, {"nf_bytes", of.nf_bytes}};
}

Json Host::start(const Json& parameters) {
  const auto module = modules_.find(take_number(parameters, "module", 0u, UINT32_MAX));
  if (module == modules_.end()) throw ParameterError("start: no such module; load it first");
  StartRequest request;
  request.first = take_number(parameters, "first", 0u, UINT32_MAX);
  request.count = take_number(parameters, "count", 1u, UINT32_MAX);
  request.first_id = take_number(parameters, "first_id", 0u, UINT32_MAX);
  const Json& config = take_parameter(parameters, "config");
  if (!config.is_object()) throw ParameterError("parameter 'config' is not an object");
  request.config = json_text(config);
  request.services = take_numbers(parameters, "services");
  request.ports = take_numbers(parameters, "ports");
  request.quarantined = take_sorted_numbers(parameters, "quarantined");
  nfs_->start(module->second, std::move(request));
  return done();
}

Json Host::stop(const Json& parameters) {
  const uint32_t first = take_number(parameters, "first", 0u, UINT32_MAX);
  nfs_->stop(first, take_number(parameters, "count", 1u, UINT32_MAX));
  return done();
}

// The manager sees what has become of it in the worker's report and the NF's record. Whoever can't do it says nothing:
// the manager ends a host whose worker stays where it is.
void Host::overrun(const Json& parameters) {
  const uint32_t nf = take_number(parameters, "nf", 0u, region_.layout().nfs_max - 1);
  const auto dispatches = take_number<uint64_t>(parameters, "dispatches", 0, UINT64_MAX);
  try {
    thread_->take_from(nf, dispatches, kLeavePatience);
  } catch (const Error& error) {
    std::fprintf(stderr, "roost-host: %s\n", error.what());
  }
}

Json Host::resume(const Json& parameters) {
  const uint32_t nf = take_number(parameters, "nf", 0u, region_.layout().nfs_max - 1);
  switch (worker_->bring_back(nf, kResumePatience)) {
    case Worker::Return::done:
      break;
    case Worker::Return::runs:
      fail("it has not come back from process() yet; try again later, or stop its host");
    case Worker::Return::not_quarantined:
      fail("it is not quarantined in its host");
    case Worker::Return::late:
      fail("its worker, which another NF keeps, did not come to it in {} ms; try again", kResumePatience.count());
  }
  return done();
}

Json Host::tell_nfs(const Json& parameters) {
  const uint32_t first_id = take_number(parameters, "first_id", 0u, UINT32_MAX);
  const uint32_t count = take_number(parameters, "count", 1u, UINT32_MAX - first_id);
  const uint32_t told = nfs_->tell(first_id, count, take_text(parameters, "text"));
  Json answer = done();
  answer["told"] = told;
  return answer;
}

// Timers that were set, or held in quarantine, messages that came, packets that were freed on this thread: the worker
// takes them up when it is awake, and only the manager can have it so.
Json Host::done() const { return worker_->wants_up() ? Json{{"wake", true}} : Json::object(); }

void Host::tell(const Json& response) { send_message(memory_.manager.get(), json_text(response)); }

int run_host(const std::string& socket, const std::string& token, const Confinement* confinement,
             const std::optional<HostUser>& user, FileDescriptor lifeline) noexcept {
  const SignalStack stack;
  try {
    Host host(socket, token, confinement, user, std::move(lifeline));
    if (!host.serve()) _exit(host.status());
    return host.status();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "roost-host: %s\n", error.what());
    return 1;
  }
}

}  // namespace roost
