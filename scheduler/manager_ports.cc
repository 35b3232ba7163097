// SPDX-License-Identifier: BSD-3-Clause
// Ports that are interfaces of this machine: their links go down and come back, and so may they themselves.
#include <algorithm>

#include "scheduler/manager.h"

namespace roost {

void Manager::watch_links() {
  if (std::none_of(port_queues_.begin(), port_queues_.end(),
                   [](const auto& queues) { return queues.front()->link() != LinkState::none; }))
    return;
  link_news_ = std::make_unique<LinkNews>();
  watched_.watch(link_news_->fd(), mark(Source::links));
}

// News are few, and cheaper to look up than to read.
void Manager::look_at_links() {
  link_news_->forget();
  for (const auto& queues : port_queues_) {
    const Port* const port = queues.front();
    const LinkState before = port->link();
    for (Port* const queue : queues)
      if (const auto work = queue->look_at_link()) loops_->together(work);
    const LinkState now = port->link();
    if (now == before) continue;
    const std::string text = fmt::format("port '{}': its link is {}", port->name(), link_state_name(now));
    if (now == LinkState::up)
      note(text, EventKind::link);
    else
      event(text, EventKind::link);
  }
}

}  // namespace roost
