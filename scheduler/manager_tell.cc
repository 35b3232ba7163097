// SPDX-License-Identifier: BSD-3-Clause
// Messages from operators to NFs.
#include <algorithm>

#include "core/error.h"
#include "core/nf_message.h"
#include "scheduler/manager.h"

namespace roost {

// Some work for a worker that sleeps: hosts say so in their answers.
void Manager::wake_if_asked(const HostLink& host, const Json& answer) {
  if (!answer.is_object() || answer.value("wake", Json()) != true) return;
  DataLoop& home = home_of(host);
  home.post([&home, number = host.id] { home.want_up(number); });
}

Manager::Told Manager::tell_groups(const std::vector<std::pair<uint32_t, uint32_t>>& ranges, const std::string& text) {
  if (text.size() > kMessageBytesMax)
    fail("tell: the message has {} bytes; one has {} at most", text.size(), kMessageBytesMax);
  Told told;
  for (const auto& [first, count] : ranges) {
    HostLink& host = *registry_.find_host(registry_.group_of(first)->host);
    told.refused += count;
    if (host.dead) continue;
    const Json answer = host.ask("tell", {{"first_id", first}, {"count", count}, {"text", text}});
    const Json taken = answer.is_object() ? answer.value("told", Json()) : Json();
    const uint32_t nfs = taken.is_number_unsigned() ? std::min(count, taken.get<uint32_t>()) : 0;
    told.nfs += nfs;
    told.refused -= nfs;
    wake_if_asked(host, answer);
  }
  return told;
}

Manager::Told Manager::tell_nf(uint32_t nf, const std::string& text) {
  if (registry_.group_of(nf) == nullptr) fail("tell: there is no NF {}; 'roost ps' lists them", nf);
  const Told told = tell_groups({{nf, 1}}, text);
  if (told.nfs == 0)
    fail("tell: NF {} takes no more; {} messages wait for it already, or it is leaving; try again", nf, kMessagesMax);
  return told;
}

Manager::Told Manager::tell_service(const std::string& service, const std::string& text) {
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
  for (const uint32_t first : registry_.groups_of_service(service_number(service)))
    ranges.emplace_back(first, registry_.group(first).count);
  if (ranges.empty()) fail("tell: service '{}' has no NFs; 'roost spawn' starts some", service);
  return tell_groups(ranges, text);
}

}  // namespace roost
