// SPDX-License-Identifier: BSD-3-Clause
// Ports that are interfaces of this machine: their links go down and come back, and so may they themselves.
#include <algorithm>

#include "scheduler/manager.h"

namespace roost {

void Manager::watch_links() {
  const auto& ports = loop_->ports();
  if (std::none_of(ports.begin(), ports.end(), [](const auto& port) { return port->link() != LinkState::none; }))
    return;
  link_news_ = std::make_unique<LinkNews>();
  watched_.watch(link_news_->fd(), mark(Source::links));
}

// News are few, and cheaper to look up than to read.
void Manager::look_at_links() {
  link_news_->forget();
  for (const auto& port : loop_->ports())
    if (const auto work = port->look_at_link()) loop_->call(work);
}

}  // namespace roost
