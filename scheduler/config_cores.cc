// SPDX-License-Identifier: BSD-3-Clause
// [cores]: which core does what, against the cores that there are.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "scheduler/config_parts.h"
#include "scheduler/loop_links.h"

namespace roost {
namespace {

constexpr int64_t kCoreMax = 4095;
constexpr uint32_t kPerCpuMax = 16;
constexpr size_t kSharedMax = 2048;  // shared cores that the manager has room for, beside dedicated ones

class CoresReader {
 public:
  CoresReader(const toml::table& table, const std::vector<uint32_t>& usable, ConfigProblems& problems)
      : reader_(table, "[cores]", problems), usable_(usable), io_is_list_(table["io"].is_array()) {}

  void read(ManagerConfig::Cores& cores) {
    if (io_is_list_)
      cores.io = list("io");
    else if (const auto core = reader_.integer("io", 0, kCoreMax))
      claim((cores.io = {static_cast<uint32_t>(*core)}).front(), "io");
    reader_.into(io_per_cpu_, "io_per_cpu", 1, LoopLinks::kLoopsMax);
    if (const auto core = reader_.integer("wake", 0, kCoreMax)) {
      cores.wake = static_cast<uint32_t>(*core);
      claim(*cores.wake, "wake");
    }
    if (reader_.array("shared") != nullptr) cores.shared = list("shared");
    reader_.into(per_cpu_, "shared_per_cpu", 1, kPerCpuMax);
    cores.dedicated = list("dedicated");
    constexpr std::string_view kModes[] = {"futex", "semaphore", "spin"};  // in the order of enum WaitMode
    if (const auto index = reader_.choice("wait_mode", kModes)) cores.wait_mode = static_cast<WaitMode>(*index);
    reader_.finish();
  }
  uint32_t shared_per_cpu() const { return per_cpu_; }
  uint32_t io_per_cpu() const { return io_per_cpu_; }

 private:
  std::vector<uint32_t> list(std::string_view key) {
    std::vector<uint32_t> cores;
    const toml::array* array = reader_.array(key);
    if (array == nullptr) return cores;
    for (const toml::node& item : *array) {
      const auto* core = item.as_integer();
      if (core == nullptr || core->get() < 0 || core->get() > kCoreMax) {
        reader_.problems().add(item.source(), "[cores]: '{}' lists what is no core; give numbers from 0 to {}", key,
                               kCoreMax);
        continue;
      }
      cores.push_back(static_cast<uint32_t>(core->get()));
      claim(cores.back(), key, &item.source());
    }
    if (cores.empty() && key != "dedicated") {
      reader_.problems().add(reader_.where(key), "[cores]: '{}' is empty; {} a core, cores here: {}", key,
                             key == "io" ? "data loops need" : "NFs need", fmt::join(usable_, ", "));
    }
    return cores;
  }

  // A core has one role, unless there is only one core.
  void claim(uint32_t core, std::string_view role, const toml::source_region* at = nullptr) {
    const toml::source_region& where = at == nullptr ? reader_.where(role) : *at;
    if (std::find(usable_.begin(), usable_.end(), core) == usable_.end()) {
      reader_.problems().add(
          where, "[cores]: {} core {} isn't on this machine, or this process may not use it; cores here: {}", role,
          core, fmt::join(usable_, ", "));
      return;
    }
    const auto [claimed, fresh] = roles_.emplace(core, role);
    if (fresh || (usable_.size() == 1 && claimed->second != role)) return;
    if (claimed->second == role) {
      reader_.problems().add(where, "[cores]: core {} is listed twice in '{}'; name it once", core, role);
    } else {
      reader_.problems().add(where, "[cores]: core {} is both {} and {}; give each a core of its own, cores here: {}",
                             core, claimed->second, role, fmt::join(usable_, ", "));
    }
  }

  TableReader reader_;
  const std::vector<uint32_t>& usable_;
  std::map<uint32_t, std::string_view> roles_;
  const bool io_is_list_;
  uint32_t per_cpu_ = 1, io_per_cpu_ = 1;
};

bool is_taken(const ManagerConfig::Cores& cores, uint32_t core, bool io_given) {
  const auto in = [core](const std::vector<uint32_t>& list) {
    return std::find(list.begin(), list.end(), core) != list.end();
  };
  return (io_given && in(cores.io)) || cores.wake == core || in(cores.shared) || in(cores.dedicated);
}

}  // namespace

void read_cores(TableReader& root, const std::vector<uint32_t>& usable, ManagerConfig::Cores& cores) {
  const toml::table* table = root.table("cores");
  uint32_t per_cpu = 1, io_per_cpu = 1;
  if (table != nullptr) {
    CoresReader reader(*table, usable, root.problems());
    reader.read(cores);
    per_cpu = reader.shared_per_cpu();
    io_per_cpu = reader.io_per_cpu();
  }
  // What isn't said goes to the first cores that are left.
  const auto first_free = [&](bool io_given) -> std::optional<uint32_t> {
    const auto found =
        std::find_if(usable.begin(), usable.end(), [&](uint32_t core) { return !is_taken(cores, core, io_given); });
    return found == usable.end() ? std::nullopt : std::optional(*found);
  };
  if (table == nullptr || !table->contains("io") || cores.io.empty())
    cores.io = {first_free(false).value_or(usable.front())};
  if (table == nullptr || !table->contains("shared")) cores.shared = {first_free(true).value_or(cores.io.front())};
  const std::vector<uint32_t> cpus = std::move(cores.shared);
  if (cpus.size() * per_cpu > kSharedMax) {
    root.problems().add(table->source(), "[cores]: {} CPUs with {} shared cores each are too many; {} is the most",
                        cpus.size(), per_cpu, kSharedMax);
    return;
  }
  cores.shared.clear();
  for (const uint32_t cpu : cpus) cores.shared.insert(cores.shared.end(), per_cpu, cpu);
  const std::vector<uint32_t> io_cpus = std::move(cores.io);
  cores.io.clear();
  for (const uint32_t cpu : io_cpus) cores.io.insert(cores.io.end(), io_per_cpu, cpu);
  if (cores.io.size() > LoopLinks::kLoopsMax)
    root.problems().add(table->source(), "[cores]: {} CPUs with {} io cores each are too many; {} is the most",
                        io_cpus.size(), io_per_cpu, LoopLinks::kLoopsMax);
}

}  // namespace roost
