// SPDX-License-Identifier: BSD-3-Clause
#include <getopt.h>
#include <malloc.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <utility>

#include "core/error.h"
#include "nflib/confinement.h"
#include "nflib/host.h"
#include "nflib/nursery.h"

namespace {

constexpr char kUsage[] =
    "roost-host: the process in which network functions live. The manager (roostd) starts it; by hand:\n"
    "  roost-host --attach --socket PATH --token TOKEN   one host; TOKEN is what the manager expects\n"
    "  roost-host --nursery FD --socket PATH             forks hosts as it is told over the SEQPACKET socket FD\n"
    "  --seccomp strict|log|off      system calls that NFs have no use for: refused, logged, or done (standard: "
    "strict)\n"
    "  --seccomp-allow NAME,NAME     allow these, too\n"
    "  --descriptors-max N           at most N are open in a host (standard: 1024)\n"
    "  --users                       with --nursery: hosts become the users that the manager names; takes root\n"
    "  --outlive-s N                 of a nursery: wait for another manager for so long (standard: 0)\n";

struct Options {
  bool attach = false;
  int nursery = -1;
  std::string socket, token;
  int outlive_s = 0;
  roost::ConfinementOptions confinement;
};

int usage_error(const char* what) {
  std::fprintf(stderr, "roost-host: %s\n%s", what, kUsage);
  return 2;
}

bool parse_number(const char* text, int& to) {
  const char* const end = text + std::strlen(text);
  return std::from_chars(text, end, to) == std::from_chars_result{end, std::errc()} && to >= 0;
}

bool is_packet_socket(int fd) {
  int type = 0;
  socklen_t bytes = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 && type == SOCK_SEQPACKET;
}

// A thousand hosts share a machine: one heap, which gives back what it does not need.
void keep_heap_small() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 32 << 10);  // a message's buffer is 64 KiB
  mallopt(M_TRIM_THRESHOLD, 16 << 10);
  mallopt(M_TOP_PAD, 4 << 10);
}

// What is forked from the nursery has what it has given up, and the filter that it has built.
int run_nursery(const Options& options, const roost::Confinement& confinement) {
  roost::ForkRequest made;
  try {
    made = roost::serve_nursery(roost::FileDescriptor(options.nursery),
                                {options.socket, static_cast<uint32_t>(options.outlive_s)});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "roost-host: %s\n", error.what());
    return 1;
  }
  if (made.token.empty()) return 0;
  confinement.limit_descriptors();
  return roost::run_host(options.socket, made.token, &confinement, made.user, std::move(made.lifeline));
}

int run(const Options& options) {
  try {
    const roost::Confinement confinement(options.confinement);
    if (!options.attach) return run_nursery(options, confinement);
    confinement.limit_descriptors();
    return roost::run_host(options.socket, options.token, &confinement);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "roost-host: %s\n", error.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  keep_heap_small();
  const option known[] = {{"attach", no_argument, nullptr, 'a'},
                          {"nursery", required_argument, nullptr, 'n'},
                          {"socket", required_argument, nullptr, 's'},
                          {"token", required_argument, nullptr, 't'},
                          {"seccomp", required_argument, nullptr, 'f'},
                          {"seccomp-allow", required_argument, nullptr, 'w'},
                          {"descriptors-max", required_argument, nullptr, 'd'},
                          {"outlive-s", required_argument, nullptr, 'o'},
                          {"users", no_argument, nullptr, 'u'},
                          {"help", no_argument, nullptr, 'h'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  int descriptors_max = static_cast<int>(options.confinement.descriptors_max);
  for (int c; (c = getopt_long(argc, argv, "h", known, nullptr)) != -1;) {
    switch (c) {
      case 'a':
        options.attach = true;
        break;
      case 'n':
        if (!parse_number(optarg, options.nursery)) return usage_error("--nursery wants the number of a descriptor");
        break;
      case 's':
        options.socket = optarg;
        break;
      case 't':
        options.token = optarg;
        break;
      case 'f':
        try {
          options.confinement.filter = roost::filter_named(optarg);
        } catch (const roost::Error& error) {
          return usage_error(error.what());
        }
        break;
      case 'w':
        options.confinement.allow = roost::words_between_commas(optarg);
        break;
      case 'd':
        if (!parse_number(optarg, descriptors_max)) return usage_error("--descriptors-max wants a number");
        options.confinement.descriptors_max = static_cast<uint32_t>(descriptors_max);
        break;
      case 'o':
        if (!parse_number(optarg, options.outlive_s)) return usage_error("--outlive-s wants a number of seconds");
        break;
      case 'u':
        options.confinement.users = true;
        break;
      case 'h':
        std::fputs(kUsage, stdout);
        return 0;
      default:
        return usage_error("that is no way to call it");
    }
  }
  if (optind < argc) return usage_error("it takes options only");
  if (options.attach == (options.nursery >= 0)) return usage_error("say either --attach or --nursery FD");
  if (options.socket.empty())
    return usage_error("which manager? --socket PATH, the control_socket of its configuration");
  if (options.attach) {
    if (options.token.empty()) return usage_error("--attach needs the --token that the manager expects");
    return run(options);
  }
  if (!is_packet_socket(options.nursery))
    return usage_error(
        "--nursery: that descriptor is no SOCK_SEQPACKET socket; the manager passes one end of a socketpair");
  return run(options);
}
