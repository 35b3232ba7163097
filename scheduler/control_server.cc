// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/control_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/socket.h"
#include "scheduler/control_live.h"
#include "scheduler/control_parameters.h"

namespace roost {
namespace {

constexpr uint32_t kDrain_ms = 1'000;
constexpr size_t kConnectionsMax = 256, kOperatorsReserve = 64;
constexpr int kAcceptedAtOnce = 16;
constexpr useconds_t kAcceptPause_us = 20'000;
constexpr int kAnsweredAtOnce = 16;  // of one connection; then others have their turn, and the manager's events
constexpr int kSendPatience_ms = 2'000, kPerMiBPatience_ms = 1'000;  // an operator who doesn't read holds up the others
constexpr const char* kVersion = "0.1.0";

}  // namespace

ControlServer::ControlServer(Manager& manager, FileDescriptor listener, const ControlAccess& access)
    : manager_(manager), listener_(std::move(listener)), access_(access) {}

void ControlServer::run(int signal_fd) {
  while (!down_) {
    std::vector<pollfd> events{{signal_fd, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    bool more = false;
    for (const auto& [fd, connection] : connections_) {
      events.push_back({fd, POLLIN, 0});
      more |= connection.more;
    }
    events.push_back({manager_.event_descriptor(), POLLIN, 0});
    if (poll(events.data(), events.size(), more ? 0 : -1) < 0) continue;
    if (events[0].revents != 0) {
      log_info("asked to end by a signal");
      down();
      return;
    }
    if (events.back().revents != 0) manager_.on_events();
    for (size_t i = 2; i + 1 < events.size(); ++i) {
      Connection& connection = connections_.at(events[i].fd);
      if ((events[i].revents != 0 || connection.more) && !serve(connection)) connections_.erase(events[i].fd);
    }
    if (events[1].revents != 0) accept_all();
  }
}

void ControlServer::accept_all() {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    FileDescriptor socket;
    try {
      socket = accept_unix(listener_.get());
    } catch (const Error& error) {  // whoever connects waits, and is seen again at once
      if (!std::exchange(accept_fails_, true)) log_warn("operators' socket: {}", error.what());
      usleep(kAcceptPause_us);
      return;
    }
    if (!socket) return;
    accept_fails_ = false;
    try {
      const Peer peer = peer_of(socket.get());
      const Role role = access_.role_of(peer);
      const std::string why_not = refusal(peer, role);
      if (why_not.empty()) {
        const int fd = socket.get();
        connections_.insert_or_assign(fd, Connection{std::move(socket), role});
        continue;
      }
      send({std::move(socket), role}, rpc_error(nullptr, RpcError::failed, why_not));
    } catch (const Error&) {  // it has gone already
    }
    socket = FileDescriptor();
    usleep(kTurnedAwayPause_us);
  }
}

std::string ControlServer::refusal(const Peer& peer, Role role) const {
  if (role == Role::none)
    return fmt::format(
        "user {} may not operate this manager; user {} and root may, and whom [control] in its configuration names",
        peer.uid, geteuid());
  if (manager_.is_host(peer.pid))
    return fmt::format("process {} is a host, was started by one, or has ended; these do not operate a manager",
                       peer.pid);
  // Observers leave room for operators.
  const size_t most = role == Role::observe ? kConnectionsMax - kOperatorsReserve : kConnectionsMax;
  if (connections_.size() >= most) return fmt::format("{} connections are open already; close some", most);
  return "";
}

std::string ControlServer::too_many(Connection& connection) {
  const auto now_us = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
  const auto limit = [this](Setting setting) { return manager_.settings().get(setting); };
  const uint64_t alone = limit(Setting::connection_requests_per_s), together = limit(Setting::role_requests_per_s);
  if (!connection.rate.take(now_us, alone))
    return fmt::format("more than {} requests/s on this connection; ask less often, or set connection_requests_per_s",
                       alone);
  if (!rates_[static_cast<size_t>(connection.role)].take(now_us, together))
    return fmt::format("more than {} requests/s by all who {}; ask less often, or set role_requests_per_s", together,
                       role_name(connection.role));
  return "";
}

void ControlServer::send(const Connection& connection, const Json& said) {
  const std::string text = json_text(said) + "\n";
  send_within(connection.socket.get(), text,
              kSendPatience_ms + static_cast<int>(text.size() * kPerMiBPatience_ms >> 20));
}

bool ControlServer::serve(Connection& connection) {
  std::string& buffer = connection.buffer;
  size_t looked = 0;
  if (!connection.more) {
    std::array<char, 64 << 10> chunk;
    const ssize_t bytes = recv(connection.socket.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (bytes <= 0) return bytes < 0 && (errno == EAGAIN || errno == EINTR);
    looked = buffer.size();
    buffer.append(chunk.data(), static_cast<size_t>(bytes));
  }
  connection.more = false;
  try {
    int answered = 0;
    for (size_t end; (end = buffer.find('\n', looked)) != std::string::npos; looked = 0) {
      if (end > kRequestBytesMax) break;
      if (answered++ == kAnsweredAtOnce) return connection.more = true;
      const std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      const std::string refused = too_many(connection);
      send(connection,
           refused.empty() ? answer(line, connection.role) : rpc_error(nullptr, RpcError::too_many, refused));
    }
    if (buffer.size() <= kRequestBytesMax) return true;
    send(connection, rpc_error(nullptr, RpcError::invalid_request,
                               fmt::format("a request has at most {} bytes; this one is longer", kRequestBytesMax)));
  } catch (const Error&) {  // the operator has gone, or doesn't read
  }
  return false;
}

Json ControlServer::answer(const std::string& line, Role role) {
  const Json request = rpc_parse(line);
  if (request.is_discarded())
    return rpc_error(nullptr, RpcError::parse,
                     fmt::format("the request is not JSON, or nested more than {} levels deep", kNestingMax));
  if (!request.is_object() || request.value("jsonrpc", Json()) != "2.0" || !request.contains("method") ||
      !request["method"].is_string())
    return rpc_error(nullptr, RpcError::invalid_request,
                     R"(not a JSON-RPC 2.0 request: it needs "jsonrpc": "2.0", "id" and "method")");
  const Json id = request.value("id", Json());
  const Json parameters = request.value("params", Json::object());
  if (!parameters.is_object()) return rpc_error(id, RpcError::invalid_parameters, "\"params\" must be an object");
  const auto method = request["method"].get<std::string>();
  if (role < ControlAccess::needed(method))
    return rpc_error(id, RpcError::forbidden,
                     fmt::format("{}: observers may not; [control] operators in the manager's configuration names who "
                                 "may",
                                 method));
  try {
    return rpc_result(id, perform(method, parameters, role));
  } catch (const BadParameters& error) {
    return rpc_error(id, RpcError::invalid_parameters, fmt::format("{}: {}", method, error.what()));
  } catch (const std::invalid_argument& error) {
    return rpc_error(id, RpcError::no_method, error.what());
  } catch (const std::exception& error) {
    return rpc_error(id, RpcError::failed, error.what());
  }
}

Json ControlServer::perform(const std::string& method, const Json& parameters, Role role) {
  if (method == "version")
    return {{"protocol", kProtocolVersion},
            {"manager", kVersion},
            {"pid", getpid()},
            {"uptime_s", manager_.uptime_s()},
            {"role", role_name(role)}};
  if (method == "spawn") return spawn(parameters);
  if (method == "ps")
    return manager_.ps(parameter<int64_t>(parameters, "after", -1), parameter<uint32_t>(parameters, "limit", 1000));
  if (method == "stop") return stop(parameters);
  if (method == "tell") return tell(parameters);
  if (method == "stats") return manager_.stats(parameter<bool>(parameters, "memory", false));
  if (method == "get") return get(parameters);
  if (method == "set" || method == "unset") return set(parameters, method == "set");
  if (method == "pause" || method == "resume") {
    manager_.pause_receiving(method == "pause");
    return Json::object();
  }
  if (method == "resume_nf") {
    if (!parameters.contains("nfs")) throw BadParameters("say which: nfs");
    return {{"resumed", manager_.resume_nfs(numbers(parameters, "nfs"))}};
  }
  if (method == "clear_latency") {
    manager_.clear_latency();
    return Json::object();
  }
  if (method.starts_with("rule_")) return rules(method, parameters);
  if (method == "down") return down();
  if (auto result = perform_live(manager_, method, parameters)) return *result;
  throw std::invalid_argument(fmt::format("no method is called '{}'; core/protocol.h lists them", method));
}

Json ControlServer::spawn(const Json& parameters) {
  Manager::SpawnRequest request;
  request.module = required(parameters, "module");
  request.service = required(parameters, "service");
  request.count = parameter<uint32_t>(parameters, "count", 1);
  request.tenant = parameter<std::string>(parameters, "tenant", "default");
  request.config = parameters.value("config", Json::object());
  const auto tier = parameter<std::string>(parameters, "tier", "fiber");
  if (tier != "fiber" && tier != "process")
    throw BadParameters(fmt::format("tier '{}': there are fiber and process", tier));
  request.tier = tier == "fiber" ? Tier::fiber : Tier::process;
  const auto cores = parameter<std::string>(parameters, "cores", "shared");
  if (cores != "shared" && cores != "dedicated")
    throw BadParameters(fmt::format("cores '{}': there are shared and dedicated", cores));
  request.dedicated = cores == "dedicated";
  if (parameters.contains("weight")) request.weight = parameter<uint64_t>(parameters, "weight", 0);
  const auto spawned = manager_.spawn(request);
  return {{"first", spawned.ranges.front().first},
          {"count", request.count},
          {"service", request.service},
          {"tier", tier},
          {"spawn_ms", spawned.spawn_ms}};
}

Json ControlServer::stop(const Json& parameters) {
  const auto answer = [](const Manager::Stopped& stopped) -> Json {
    return {{"stopped", stopped.nfs}, {"killed", stopped.killed}};
  };
  if (parameters.contains("nfs")) return answer(manager_.stop_nfs(numbers(parameters, "nfs")));
  if (parameters.contains("service")) return answer(manager_.stop_service(required(parameters, "service")));
  if (parameter<bool>(parameters, "all", false)) return answer(manager_.stop_all());
  throw BadParameters("say which: nfs, service or all");
}

Json ControlServer::tell(const Json& parameters) {
  const auto text = required(parameters, "text");
  const bool to_service = parameters.contains("service");
  if (to_service == parameters.contains("nf")) throw BadParameters("say whom: nf or service");
  const auto told = to_service ? manager_.tell_service(required(parameters, "service"), text)
                               : manager_.tell_nf(parameter<uint32_t>(parameters, "nf", 0), text);
  return {{"told", told.nfs}, {"refused", told.refused}};
}

Json ControlServer::rules(const std::string& method, const Json& parameters) {
  if (method == "rule_add") {
    const auto texts = parameter<std::vector<std::string>>(parameters, "rules", {});
    RuleBook::Change change;
    change.remove_all = parameter<bool>(parameters, "replace_all", false);
    if (parameters.contains("replace")) change.remove = numbers(parameters, "replace");
    if (texts.empty()) throw BadParameters("'rules' names none");
    return manager_.add_rules(texts, std::move(change));
  }
  if (method == "rule_del") {
    const bool all = parameter<bool>(parameters, "all", false);
    if (all == parameters.contains("ids")) throw BadParameters("say which: ids or all");
    return manager_.delete_rules(all ? std::vector<uint32_t>() : numbers(parameters, "ids"), all);
  }
  if (method == "rule_list") {
    std::optional<uint32_t> after;
    if (parameters.contains("after")) after = parameter<uint32_t>(parameters, "after", 0);
    return manager_.list_rules(after, parameter<uint32_t>(parameters, "limit", 1'000));
  }
  if (method == "rule_show") {
    if (!parameters.contains("id")) throw BadParameters("'id' is missing");
    return manager_.show_rule(parameter<uint32_t>(parameters, "id", 0));
  }
  throw std::invalid_argument(fmt::format("no method is called '{}'; core/protocol.h lists them", method));
}

SettingScope ControlServer::scope_of(const Json& parameters) {
  SettingScope scope;
  const bool service = parameters.contains("service"), nfs = parameters.contains("nfs");
  if (service && nfs) throw BadParameters("a setting is a service's or of NFs; say service or nfs, not both");
  if (service) scope.service = required(parameters, "service");
  if (nfs) scope.nfs = numbers(parameters, "nfs");
  if (nfs && scope.nfs.empty()) throw BadParameters("'nfs' names none");
  return scope;
}

Json ControlServer::get(const Json& parameters) {
  const SettingScope scope = scope_of(parameters);
  if (scope.nfs.size() > 1) throw BadParameters("get looks at one NF at a time; 'nfs' names several");
  return {{"settings", manager_.settings_in(scope, parameter<std::string>(parameters, "name", ""))}};
}

Json ControlServer::set(const Json& parameters, bool to_value) {
  const auto name = required(parameters, "name");
  const SettingScope scope = scope_of(parameters);
  if (to_value && !parameters.contains("value")) throw BadParameters("'value' is missing");
  std::optional<uint64_t> value;
  if (to_value) value = parameter<uint64_t>(parameters, "value", 0);
  const auto change = manager_.set(name, value, scope);
  return {{"name", name}, {"value", change.value}, {"was", change.was}};
}

Json ControlServer::down() {
  down_ = true;
  manager_.pause_receiving(true);
  manager_.drain(kDrain_ms);
  return manager_.stats(false);
}

}  // namespace roost
