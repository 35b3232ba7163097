// SPDX-License-Identifier: BSD-3-Clause
// The control protocol: JSON-RPC 2.0 (jsonrpc.org/specification) over UNIX sockets. This file defines it.
//
// Two sockets, both made by the manager:
//   PATH         operators (roost, scripts). Stream; one JSON object a line; at most kRequestBytesMax a line.
//   PATH.hosts   hosts. SOCK_SEQPACKET; one JSON object a packet; descriptors come with it as SCM_RIGHTS.
// Who may do what on the first one goes by the peer's user and groups (SO_PEERCRED): the manager's user and root
// operate, and so do those in [control] operators; those in [control] observers have the methods that change nothing:
// version, ps, stats, get, chains, ports, totals, events, rule_list, rule_show.
// More requests in a second than a connection, or a role, may have are refused (too_many, id null): they are not read.
//
// Operators' methods (parameters -> result):
//   version {}                                              -> {protocol, manager, pid, uptime_s, role}
//   spawn {module, service, count, tier, cores, config,
//          tenant, weight}                                  -> {first, count, service, tier, spawn_ms}
//   ps {after, limit}                                       -> {total, nfs: [<= 10,000], hosts: [...], events: [...]}
//   stop {nfs: [ids]} | {service} | {all: true}             -> {stopped, killed: [hosts that did not end when asked]}
//   tell {nf, text} | {service, text}                       -> {told, refused}; see core/nf_message.h
//   stats {memory}                                          -> counters, books, latency_us, ports, memory if asked
//   get {name?, service? | nfs: [id]?}                      -> {settings: [{name, value, from, scope, unit, least,
//   most,
//                                                              standard, meaning, worker_goes_by?}]}
//   set {name, value, service? | nfs: [ids]?}               -> {name, value, was}
//   unset {name, service? | nfs: [ids]?}                    -> {name, value, was}
// What ps says of an NF that was ever quarantined: quarantines, how often; and while it is, returned, whether its
// process() has, and, where it is to be resumed by itself, resumes_in_ms (0: as soon as it has returned).
// Rules are texts, as docs/rules.md has them. rule_add does all of it or nothing: rules that are replaced go as the new
// ones come. New rules are numbered from first on, in their order.
// A setting's scope says who can have a value of it: the manager, a service, single NFs. With service or nfs, get tells
// what counts there and where that comes from: "NF", "service", "manager", or "standard"; for an NF whose worker goes
// by another's, stricter value, worker_goes_by is that. unset takes a scope's own value away.
//   scale {service, nfs}                                    -> {service, was, nfs, started, stopped}
//   upgrade {service, module, config?}                      -> {service, module, started, stopped}
//   chains {}                                               -> {chains: [{name, services, out, ports, paths,
//                                                              services_without_nfs}]}
//   chain_add {name, services, out}                         -> {name, services, out}
//   chain_set {name, services?, out?}                       -> {name, services, out}
//   chain_del {name}                                        -> {}
//   ports {}                                                -> {ports: [{name, kind, chain, link?, counters...}]}
//   port_set {name, chain?}                                 -> {name, chain}; no chain: what it receives is dropped
//   totals {by: service | tenant | domain | tier | core}    -> {by, groups: [{name, nfs, hosts, packets, ...}]}
//   events {after, limit}                                   -> {events: [{number, time_ms, kind, trouble, text}],
//                                                              last}
//   pause {}, resume {}                                     -> {}; ports stop, or go on, receiving
//   resume_nf {nfs: [ids]}                                  -> {resumed}; quarantined NFs that have come back
//   rule_add {rules: [texts], replace: [ids]?, replace_all?} -> {first, count, removed, warnings: [texts], total}
//   rule_del {ids: [ids]} | {all: true}                     -> {removed, total}
//   rule_list {after: id?, limit}                           -> {total, unmatched: {hits, bytes}, rules: [{id, priority,
//                                                              match, action, hits, bytes, age_s, idle_s, hard_s,
//                                                              shadowed_by?}]}; 10,000 at most, as looked at
//   rule_show {id}                                          -> one of these
//   clear_latency {}                                        -> {}
//   down {}                                                 -> the last stats; then the manager ends
//
// A host's first message is attach; from then on the manager sends requests to the host:
//   host -> manager  attach {protocol, abi, token}          -> host, layout, sizes, core; + region, paths,
//                                                              eventfd, and its domain's arena
//   manager -> host  load {module, path}  + 1 descriptor    -> {name, abi, nf_bytes}
//   manager -> host  start {module, first, count, first_id, config, services, ports,
//                          quarantined: [i]?}              -> {wake?}
//   manager -> host  stop {first, count}                    -> {wake?}
//   manager -> host  tell {first_id, count, text}           -> {told, wake?}; wake: the worker is wanted awake
//   manager -> host  resume {nf}                            -> {}
//   manager -> host  overrun {nf, dispatches}                  (no answer; what came of it shows in the region)
//   manager -> host  quit {}                                   (no answer; the host ends)
// The manager talks to a nursery (a host process that has not attached, from which hosts are forked) over a socketpair:
//   manager -> nursery  fork {token, core, uid?, gid?}      -> {pid}; whom the host becomes
//   manager -> nursery  quit {}                                (no answer; it ends, and its hosts with it)
//   nursery -> manager  exited {pid, status}                   (no answer)
// Where hosts are to outlive their manager (docs/decisions/0034):
//   manager -> nursery  keep {}           + 1 descriptor    -> {}; what the next manager is to know, see roster.h
//   manager -> nursery  keep_module {module} + 1 descriptor -> {}
// and the next manager connects to PATH.nursery, SOCK_SEQPACKET, says keep as the last of
//   manager -> nursery  take_back {}                        -> {}; + what was kept
//   manager -> nursery  module {module}                     -> {}; + 1 descriptor
//   manager -> nursery  hand {pid}        + 1 connection    -> {}; + the process's descriptor; or {ended: status}
// and speaks to each host that was handed its connection:
//   manager -> host  take_over: as the answer to attach; + a list of its NFs  -> {lost}
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace roost {

inline constexpr uint32_t kProtocolVersion = 2;
inline constexpr size_t kRequestBytesMax = size_t{16} << 20;  // 100,000 rules
inline constexpr size_t kHostMessageBytesMax = 64 << 10;
inline constexpr int kNestingMax = 64;
inline constexpr char kHostsSuffix[] = ".hosts", kNurserySuffix[] = ".nursery";  // of sockets, behind PATH

using Json = nlohmann::json;

// What hosts exit with that cannot wait for another manager.
inline constexpr int kHostHeldPackets = 3, kHostBusy = 4;

// JSON-RPC's own codes, and Roost's.
enum class RpcError : int {
  parse = -32700,
  invalid_request = -32600,
  no_method = -32601,
  invalid_parameters = -32602,
  internal = -32603,
  failed = -32000,     // the request was understood and could not be done; the message says why
  forbidden = -32001,  // not by this peer's role
  too_many = -32002,   // in this second
};

Json rpc_request(uint64_t id, std::string_view method, Json parameters);
Json rpc_result(const Json& id, Json result);
Json rpc_error(const Json& id, RpcError code, std::string_view message);
// What a peer sent, read: a discarded value where it is not JSON, or nested deeper than anything here is (copying and
// printing JSON recurses).
Json rpc_parse(std::string_view text);
// As one line, or with so many blanks of indentation; what is no UTF-8 is replaced. Reading and writing JSON is slow to
// compile: do both by these two.
std::string json_text(const Json& json, int indent = -1);
// The result of a response; throws Error with the message of an error, or where it is no response.
Json rpc_take_result(const Json& response);

}  // namespace roost
