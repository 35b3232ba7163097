// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/attach.h"

#include <roost/nf.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/packet_memory.h"
#include "core/path.h"
#include "core/socket.h"
#include "nflib/arenas.h"
#include "nflib/parameters.h"

namespace roost {
namespace {

constexpr int kAnswerPatience_ms = 10'000;
constexpr size_t kFixedDescriptors = 3;  // region, paths, eventfd; the arenas follow

Message answer_to_attach(int manager, const std::string& token) {
  const Json request =
      rpc_request(1, "attach", {{"protocol", kProtocolVersion}, {"abi", kNfAbiVersion}, {"token", token}});
  try {
    send_message(manager, json_text(request));
  } catch (const Error&) {  // turned away already; the answer says why
  }
  if (!readable_within(manager, kAnswerPatience_ms))
    fail("attach: the manager has not answered within {} s", kAnswerPatience_ms / 1000);
  std::optional<Message> answer = receive_message(manager);
  if (!answer) answer = receive_message(manager);  // a reset is reported once, before what was said
  if (!answer) fail("attach: the manager closed the connection; is the token right, and this program of its version?");
  return std::move(*answer);
}

}  // namespace

HostLayout layout_from(const Json& parameters, size_t region_bytes) {
  HostLayout layout;
  layout.nfs_max = take_number(parameters, "nfs_max", 1u, 1u << 26);
  layout.inbox_shift = static_cast<uint8_t>(take_number(parameters, "inbox_shift", 6u, 20u));
  layout.outbox_shift = static_cast<uint8_t>(take_number(parameters, "outbox_shift", 2u, 20u));
  layout.grant_shift = static_cast<uint8_t>(take_number(parameters, "grant_shift", 2u, 20u));
  if (layout.bytes() > region_bytes) fail("the layout needs {} bytes, the region has {}", layout.bytes(), region_bytes);
  return layout;
}

Replacement::Replacement(const Attachment& old, const Json& parameters, std::vector<FileDescriptor>& descriptors) {
  const Json& arenas = take_parameter(parameters, "arenas");
  if (!arenas.is_array() || arenas.size() != old.arenas.size() ||
      descriptors.size() < kFixedDescriptors + arenas.size())
    fail("{} arenas and {} descriptors came for a host that has {} arenas", arenas.size(), descriptors.size(),
         old.arenas.size());
  const auto same = [](const char* what, uint64_t is, uint64_t was) {
    if (is != was)
      fail("{}: {} where the manager before had {}; hosts that have this one are to be started anew", what, is, was);
  };
  const HostLayout layout = layout_from(take_parameter(parameters, "layout"), old.region.bytes());
  same("NFs that there is room for", layout.nfs_max, old.layout.nfs_max);
  same("slots of the inbox", 1u << layout.inbox_shift, 1u << old.layout.inbox_shift);
  same("slots of the outbox", 1u << layout.outbox_shift, 1u << old.layout.outbox_shift);
  same("slots for granted packets", 1u << layout.grant_shift, 1u << old.layout.grant_shift);
  const auto bytes_of = [](const Json& from, const char* name) {
    return take_number<uint64_t>(from, name, 1, uint64_t{1} << 40);
  };
  same("bytes of the region", bytes_of(parameters, "region_bytes"), old.region.bytes());
  same("bytes of the paths", bytes_of(parameters, "paths_bytes"), old.paths.bytes());
  for (size_t i = 0; i < arenas.size(); ++i) {
    same("first packet", take_number(arenas[i], "first", 0u, kHandlesPerNode - 1), handle_at(old.arenas[i].data()));
    same("bytes of packet memory", bytes_of(arenas[i], "bytes"), old.arenas[i].bytes());
  }
  for (size_t i = 0; i < kFixedDescriptors + arenas.size(); ++i) descriptors_.push_back(std::move(descriptors[i]));
}

void Replacement::map_over(Attachment& old) {
  old.region.map_over(std::move(descriptors_[0]), true, "host region");
  old.paths.map_over(std::move(descriptors_[1]), false, "paths");
  for (size_t i = 0; i < old.arenas.size(); ++i)
    old.arenas[i].map_over(std::move(descriptors_[kFixedDescriptors + i]), true, "packets");
  old.eventfd = std::move(descriptors_[2]);
}

Attachment attach_to_manager(const std::string& socket, const std::string& token, const std::optional<HostUser>& user) {
  Attachment to;
  to.manager = connect_unix(socket + kHostsSuffix, SOCK_SEQPACKET);
  if (user) Confinement::become(*user);
  Message answer = answer_to_attach(to.manager.get(), token);
  try {
    const Json result = rpc_take_result(rpc_parse(answer.text));
    const Json& arenas = take_parameter(result, "arenas");
    auto& descriptors = answer.descriptors;
    if (!arenas.is_array() || descriptors.size() != kFixedDescriptors + arenas.size())
      fail("{} descriptors came where {} were announced", descriptors.size(), kFixedDescriptors + arenas.size());
    to.host = take_number(result, "host", 0u, UINT32_MAX);
    to.tsc_hz = take_number<uint64_t>(result, "tsc_hz", 1'000'000, 100'000'000'000);
    to.core = take_number(result, "core", -1, CPU_SETSIZE - 1);
    to.stack_bytes = take_number<uint64_t>(result, "stack_bytes", 4096, 64 << 20);

    const auto region_bytes = take_number<uint64_t>(result, "region_bytes", 4096, uint64_t{1} << 40);
    to.layout = layout_from(take_parameter(result, "layout"), region_bytes);
    to.region = SharedMemory::attach(std::move(descriptors[0]), region_bytes, 0, true, "host region");
    to.region.close_descriptor();
    const auto paths_bytes = take_number<uint64_t>(result, "paths_bytes", 4096, PathTableView::bytes(kPathUnitsMax));
    to.paths = SharedMemory::attach(std::move(descriptors[1]), paths_bytes, 0, false, "paths");
    to.paths.close_descriptor();
    to.eventfd = std::move(descriptors[2]);
    for (size_t i = 0; i < arenas.size(); ++i)
      to.arenas.push_back(map_arena(std::move(descriptors[kFixedDescriptors + i]),
                                    take_number(arenas[i], "first", 0u, kHandlesPerNode - 1),
                                    take_number<uint64_t>(arenas[i], "bytes", 1, uint64_t{1} << 40)));
  } catch (const std::exception& error) {
    const std::string why = fmt::format("attach: {}", error.what());
    try {
      send_message(to.manager.get(), json_text(rpc_error(nullptr, RpcError::failed, why)));
    } catch (const Error&) {  // it has gone, too
    }
    fail("{}", why);
  }
  return to;
}

}  // namespace roost
