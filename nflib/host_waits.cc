// SPDX-License-Identifier: BSD-3-Clause
// A host whose manager is gone: it stands still, holding nothing that was the manager's, until another one takes it
// over. What it is handed then lies where the old memory lay, so no address changes, for Roost's code or an NF's.
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "core/memory_text.h"
#include "nflib/host.h"
#include "nflib/parameters.h"

namespace roost {
namespace {

constexpr std::chrono::milliseconds kRestPatience{500}, kRestPatienceMost{2'500};  // the next manager waits for 3 s

// [place, count, first_id, [quarantined, from 0]]
StartRequest group_from(const Json& entry) {
  if (!entry.is_array() || entry.size() != 4 || !entry[3].is_array())
    throw ParameterError("take_over: a group is not a list of three numbers and a list");
  StartRequest group;
  group.first = entry[0].get<uint32_t>();
  group.count = entry[1].get<uint32_t>();
  group.first_id = entry[2].get<uint32_t>();
  group.quarantined = entry[3].get<std::vector<uint32_t>>();
  return group;
}

}  // namespace

// True: there is a manager again. The nursery, which says so by the lifeline, also says when it is no use waiting on:
// it closes it, or ends, and the kernel takes the host along.
bool Host::wait_for_manager() {
  if (!lifeline_) return false;
  if (!waits_ && !prepare_to_wait()) return false;
  waits_ = true;
  if (!readable_within(lifeline_.get(), -1)) return false;
  std::optional<Message> message = receive_message(lifeline_.get());
  if (!message || message->descriptors.size() != 1) return false;
  memory_.manager = std::move(message->descriptors[0]);
  return true;
}

// Whoever holds packets cannot go on: they were in the old manager's memory.
bool Host::prepare_to_wait() {
  const auto gives_up = [this](int status, const std::string& why) {
    std::fprintf(stderr, "roost-host (pid %d): the manager is gone, and %s: the host ends\n", getpid(), why.c_str());
    status_ = status;
    return false;
  };
  if (!thread_->rest_within(region_.worker().bell, kRestPatience, kRestPatienceMost) || !worker_->may_change_hands())
    return gives_up(kHostBusy, "an NF does not come back from process()");
  const std::vector<uint32_t> places = nfs_->places();
  if (const uint32_t held = worker_->take_stock(places); held != 0)
    return gives_up(kHostHeldPackets, fmt::format("its NFs hold {} packets", held));
  lost_ = worker_->left_behind();
  for (SharedMemory& arena : memory_.arenas) arena.let_go("packets");  // else it would be there twice
  return true;
}

// All that can be said against it is said before anything has changed.
Json Host::take_over(const Json& parameters, Message& request) {
  if (!waits_) throw ParameterError("take_over: this host has a manager");
  Replacement replacement(memory_, parameters, request.descriptors);
  const Json groups = rpc_parse(text_of(request.descriptors.back().get()));
  if (!groups.is_array()) throw ParameterError("take_over: its last descriptor is no list of NFs");
  std::vector<Worker::Place> places;
  for (const Json& entry : groups) {
    const StartRequest group = group_from(entry);
    if (!nfs_->has(group))
      fail("NFs {} to {} do not live here, or not in those places", group.first_id, group.first_id + group.count - 1);
    for (uint32_t i = 0; i < group.count; ++i) places.push_back({group.first + i, false});
    for (const uint32_t i : group.quarantined)
      if (i < group.count) places[places.size() - group.count + i].quarantined = true;
  }
  if (const size_t live = nfs_->places().size(); places.size() != live)
    fail("{} NFs live here, {} are known of", live, places.size());
  worker_->change_hands(places, replacement.eventfd(), [&] { replacement.map_over(memory_); });
  // The new manager numbers modules itself, and loads what it starts NFs of.
  for (auto& [number, module] : modules_) former_modules_.push_back(std::move(module));
  modules_.clear();
  waits_ = false;
  thread_->go_on();
  return {{"lost", std::exchange(lost_, 0)}};
}

}  // namespace roost
