// SPDX-License-Identifier: BSD-3-Clause
#include "core/settings.h"

#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace roost {
namespace {

constexpr uint64_t kInboxSlotsLeast = 4;
constexpr size_t kCount = static_cast<size_t>(Setting::count);

// In the order of enum Setting.
constexpr std::array<SettingSpec, kCount> kSpecs{{
    {"wake_packets", "packets", 1, 1 << 20, 1, "a sleeping worker is woken once this many packets wait for it", true},
    {"wake_deadline_us", "us", 0, 1'000'000, 50, "or once the first of them has waited for this long", true},
    {"sojourn_target_us", "us", 0, 1'000'000, 0,
     "both are chosen, and change with the load: as few wake-ups as keep the p99 of the time that packets spend here "
     "below this; 0: as they are set",
     true},
    {"spin_us", "us", 0, 100'000, 20, "a worker without packets looks for this long before it sleeps", true},
    {"spin_adaptive", "policy", 0, 1, 1, "0: always for spin_us; 1: for less where that was in vain lately"},
    {"gather_us", "us", 0, 1'000, 3, "under load, a worker leaves this long between two rounds, so that bursts grow"},
    {"burst_packets", "packets", 1, 64, 32, "an NF is called with at most this many packets", true},
    {"weight", "shares", 1, 1'000, 100, "an NF's part of its core's cycles, beside others that have work", true},
    {"run_policy", "policy", 0, 1, 1, "inside a worker, 0: NFs take turns; 1: they get cycles by their weights"},
    {"quantum_us", "us", 1, 100'000, 10, "run_policy 1: what a round gives an NF of weight 100"},
    {"awake_max", "workers", 1, 1'024, 4, "at most this many workers of one shared core are awake; others wait for it"},
    {"wake_ahead", "hops", 0, 1, 0, "1: the worker that a packet reaches next is woken while the one before it works"},
    {"turn_us", "us", 20, 1'000'000, 500, "a worker that others wait for has its shared core for this long at a time"},
    {"share_policy", "policy", 0, 3, 1,
     "who has a shared core: 0 whoever came first, 1 by weight, 2 by weight x arrival rate x cost, 3 by priority"},
    {"share_period_ms", "ms", 1, 10'000, 10,
     "share_policy 2 and moves between shared cores: arrival rates and costs are measured over this long"},
    {"priority_floor_percent", "percent", 0, 50, 5,
     "share_policy 3: of a tenant's time, what lower priorities get together if they want it"},
    {"set_back", "policy", 0, 1, 1,
     "1: a worker that holds a shared core while others want it, in a long dispatch, runs while no other does; 0: the "
     "kernel shares the core out between them"},
    {"rebalance_ms", "ms", 0, 60'000, 100,
     "workers move between shared cores, where loads differ, this often at most; 0: they stay where they started"},
    {"rebalance_margin_percent", "percent", 1, 400, 25,
     "of a core: so much must two shared cores differ in load before a worker moves, and twice that across NUMA nodes"},
    {"core_check_ms", "ms", 0, 60'000, 1'000,
     "the manager looks this often whether a core has vanished, or is there again; 0: never"},
    {"idle_us", "us", 0, 1'000'000, 200, "the data loop polls for this long after the last packet before it sleeps"},
    {"idle_poll_us", "us", 10, 1'000'000, 1'000,
     "asleep, it looks this often at ports that cannot ring, and at workers that are up"},
    {"rewake_us", "us", 0, 1'000'000, 50, "woken by a host, the loop stays up for at least this long"},
    {"inbox_slots", "packets", 0, 32'768, 0, "an NF's inbox, a power of two; 0: the more NFs a host has, the smaller"},
    {"grant_packets", "packets", 0, 4'096, 64, "a host whose NFs make packets gets at most this many ahead"},
    {"backpressure", "policy", 0, 1, 1,
     "1: what a chain cannot finish is refused at its entry; 0: it is dropped where it finds no room, for comparison"},
    {"buffer_alpha_percent", "%", 0, 6'400, 100,
     "a host may have at most this part of the packets that are free, wherever it has them; 0: no limit"},
    {"ecn_sojourn_us", "us", 0, 10'000'000, 5'000,
     "a packet that was here for longer leaves with ECN's congestion mark, if its sender understands it; 0: never"},
    {"flow_idle_s", "s", 1, 86'400, 60, "a flow without packets for this long is forgotten"},
    {"drain_ms", "ms", 0, 10'000, 100,
     "an NF that goes keeps the flows that it has for this long, or until they pause; new ones go to others at once"},
    {"sweep_rows", "rows", 64, 1 << 22, 4'096,
     "rows of the ledger and the flow table looked at in one turn of a sweep"},
    {"overrun_us", "us", 0, 60'000'000, 100'000,
     "an NF whose process() takes longer, without yield() or sleep_for(), loses its worker and is quarantined; 0: "
     "never"},
    {"runaways_max", "NFs", 0, 64, 4,
     "with more NFs of a host than this in the middle of an overrun, the host is killed"},
    {"resume_ms", "ms", 0, 3'600'000, 10'000,
     "a quarantined NF that has returned gets packets again after this long, twice as long each time; 0: by hand only",
     true},
    {"resume_most_ms", "ms", 1, 86'400'000, 300'000, "and after this long at most, however often it was quarantined",
     true},
    {"restart_policy", "policy", 0, 2, 0,
     "NFs whose host has ended unasked are started again, 0: never; 1: if it failed; 2: always", true},
    {"restart_ms", "ms", 1, 3'600'000, 100,
     "after this long the first time, and twice as long each further time, unless their host has lived for a while",
     true},
    {"restart_most_ms", "ms", 1, 86'400'000, 60'000, "and after this long at most", true},
    {"crashes_max", "crashes", 0, 16, 3,
     "tier fiber: an NF that has crashed its host so often is in quarantine when the others come back; 0: never"},
    {"crash_window_s", "s", 1, 86'400, 600, "crashes that were longer ago than this do not count"},
    {"connection_requests_per_s", "requests/s", 0, 1'000'000, 5'000,
     "on the control socket, a connection has at most this many answered; others are refused; 0: no limit"},
    {"role_requests_per_s", "requests/s", 0, 1'000'000, 10'000,
     "and all connections of one role (operate, observe) together at most this many; 0: no limit"},
}};

}  // namespace

std::span<const SettingSpec> setting_specs() noexcept { return kSpecs; }

Settings::Settings() noexcept {
  for (size_t i = 0; i < kCount; ++i) values_[i].store(kSpecs[i].standard, std::memory_order_relaxed);
}

Setting Settings::find(std::string_view name) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < kCount; ++i) {
    if (kSpecs[i].name == name) return static_cast<Setting>(i);
    names.push_back(kSpecs[i].name);
  }
  const auto nearest = nearest_word(name, names);
  if (nearest.empty()) fail("no setting is called '{}'; 'roost get' lists them", name);
  fail("no setting is called '{}'; did you mean '{}'?", name, nearest);
}

void Settings::check(Setting setting, uint64_t value) {
  const auto& spec = kSpecs[static_cast<size_t>(setting)];
  if (value < spec.least || value > spec.most)
    fail("setting '{}': {} is out of range; it takes {} to {} {}", spec.name, value, spec.least, spec.most, spec.unit);
  if (setting == Setting::inbox_slots && (value & (value - 1)) != 0)
    fail("setting 'inbox_slots': {} is not a power of two (or 0: chosen by itself)", value);
  if (setting == Setting::inbox_slots && value != 0 && value < kInboxSlotsLeast)
    fail("setting 'inbox_slots': {} is too small; an inbox has {} slots at least (or 0: chosen by itself)", value,
         kInboxSlotsLeast);
}

void Settings::set(Setting setting, uint64_t value) {
  check(setting, value);
  values_[static_cast<size_t>(setting)].store(value, std::memory_order_relaxed);
}

void Settings::set(std::string_view name, uint64_t value) { set(find(name), value); }

std::optional<std::string> Settings::problem(std::string_view name, int64_t value) {
  try {
    if (value < 0) fail("setting '{}': {} is negative", name, value);
    check(find(name), static_cast<uint64_t>(value));
    return std::nullopt;
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace roost
