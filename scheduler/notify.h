// SPDX-License-Identifier: BSD-3-Clause
// The service manager that started this process, where it wants to hear how it is (sd_notify(3)): one datagram to
// $NOTIFY_SOCKET, so no library is worth it.
#pragma once

#include <string>
#include <string_view>

namespace roost {

class ServiceNotifier {
 public:
  // Takes the address out of the environment: what this process starts is not to speak for it. One thread yet.
  ServiceNotifier();

  // "READY=1", "STOPPING=1". False: nobody asked for it, or nobody listens.
  bool tell(std::string_view state) const noexcept;

 private:
  std::string path_;
};

}  // namespace roost
