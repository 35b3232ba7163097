// SPDX-License-Identifier: BSD-3-Clause
#include "scheduler/policy/core_queue.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_map>
#include <utility>

namespace roost {

namespace {

struct LessUsed {
  bool operator()(const ShareAccount& a, const ShareAccount& b) const noexcept {
    return a.virtual_time != b.virtual_time ? a.virtual_time < b.virtual_time : a.came < b.came;
  }
};

// Virtual time, in cycles of an account of the standard weight.
uint64_t virtual_cycles(uint64_t cycles, uint32_t weight) noexcept {
  return cycles * kStandardWeight / std::max(weight, 1U);
}

class FirstCome final : public CoreQueue {
 public:
  void add(CoreWaiter&) override {}
  void remove(CoreWaiter&) noexcept override {}
  void wait(CoreWaiter& worker) noexcept override {
    worker.before = last_;
    worker.behind = nullptr;
    (last_ == nullptr ? first_ : last_->behind) = &worker;
    last_ = &worker;
    ++waiting_;
  }
  void unwait(CoreWaiter& worker) noexcept override {
    (worker.before == nullptr ? first_ : worker.before->behind) = worker.behind;
    (worker.behind == nullptr ? last_ : worker.behind->before) = worker.before;
    --waiting_;
  }
  CoreWaiter* first() const noexcept override { return first_; }
  void take(CoreWaiter& first) noexcept override { unwait(first); }
  void present(CoreWaiter&) noexcept override {}
  void absent(CoreWaiter&) noexcept override {}
  void charge(CoreWaiter&, uint64_t) noexcept override {}
  bool goes_on(const CoreWaiter&, const CoreWaiter&) const noexcept override { return false; }

 private:
  CoreWaiter *first_ = nullptr, *last_ = nullptr;
};

}  // namespace

struct TenantAccount : ShareAccount {
  struct Level {  // workers of one priority
    IndexedHeap<CoreWaiter, LessUsed> heap;
    uint64_t virtual_time = 0;  // where the last that was chosen started
    int64_t owed = 0;           // in a hundredth of a cycle: time that the floor entitles it to and it has not had
    uint32_t workers = 0;
    uint32_t contending = 0;
  };
  std::array<Level, kPriorities> levels;
  uint32_t levels_waiting = 0, levels_contending = 0;  // a bit for each
  uint32_t workers = 0;
};

namespace {

class LeastUsed final : public CoreQueue {
 public:
  explicit LeastUsed(const CoreQueueOptions& options)
      : options_(options), by_priority_(options.order == CoreOrder::priority) {}

  void add(CoreWaiter& worker) override {
    auto& account = accounts_[worker.tenant];
    if (!account) account = std::make_unique<TenantAccount>();
    tenants_.reserve(accounts_.size());
    TenantAccount::Level& level = account->levels[level_of(worker)];
    level.heap.reserve(level.workers + 1);
    ++level.workers;
    ++account->workers;
    account->weight = worker.tenant_weight;
    worker.tenant_account = account.get();
    worker.virtual_time = 0;
    worker.contends = false;
  }

  void remove(CoreWaiter& worker) noexcept override {
    absent(worker);
    TenantAccount& tenant = *std::exchange(worker.tenant_account, nullptr);
    --tenant.levels[level_of(worker)].workers;
    if (--tenant.workers == 0) accounts_.erase(worker.tenant);
  }

  void wait(CoreWaiter& worker) noexcept override {
    present(worker);
    TenantAccount& tenant = *worker.tenant_account;
    const uint32_t level = level_of(worker);
    worker.came = ++comers_;
    tenant.levels[level].heap.push(worker);
    tenant.levels_waiting |= 1U << level;
    ++waiting_;
    if (tenant.place != kNowhere) return;
    tenant.came = comers_;
    tenants_.push(tenant);
  }

  void unwait(CoreWaiter& worker) noexcept override {
    TenantAccount& tenant = *worker.tenant_account;
    const uint32_t level = level_of(worker);
    tenant.levels[level].heap.remove(worker);
    if (tenant.levels[level].heap.empty()) tenant.levels_waiting &= ~(1U << level);
    if (tenant.levels_waiting == 0) tenants_.remove(tenant);
    --waiting_;
  }

  CoreWaiter* first() const noexcept override {
    if (waiting_ == 0) return nullptr;
    const TenantAccount& tenant = tenants_.top();
    return &tenant.levels[choose_level(tenant)].heap.top();
  }

  void take(CoreWaiter& first) noexcept override {
    TenantAccount& tenant = *first.tenant_account;
    virtual_time_ = std::max(virtual_time_, tenant.virtual_time);
    uint64_t& level_time = tenant.levels[level_of(first)].virtual_time;
    level_time = std::max(level_time, first.virtual_time);
    unwait(first);
  }

  void present(CoreWaiter& worker) noexcept override {
    TenantAccount& tenant = *worker.tenant_account;
    TenantAccount::Level& level = tenant.levels[level_of(worker)];
    if (worker.contends) return;
    worker.contends = true;
    worker.virtual_time = std::max(worker.virtual_time, level.virtual_time);
    if (tenant.levels_contending == 0) tenant.virtual_time = std::max(tenant.virtual_time, virtual_time_);
    if (level.contending++ == 0) tenant.levels_contending |= 1U << level_of(worker);
  }

  void absent(CoreWaiter& worker) noexcept override {
    if (!std::exchange(worker.contends, false)) return;
    TenantAccount& tenant = *worker.tenant_account;
    TenantAccount::Level& level = tenant.levels[level_of(worker)];
    if (--level.contending != 0) return;
    level.owed = std::min<int64_t>(level.owed, 0);
    tenant.levels_contending &= ~(1U << level_of(worker));
  }

  void charge(CoreWaiter& worker, uint64_t cycles) noexcept override {
    TenantAccount& tenant = *worker.tenant_account;
    const uint32_t number = level_of(worker);
    TenantAccount::Level& level = tenant.levels[number];
    advance(worker, cycles, level.virtual_time);
    if (worker.place != kNowhere) level.heap.moved(worker);
    advance(tenant, cycles, virtual_time_);
    if (tenant.place != kNowhere) tenants_.moved(tenant);
    if (by_priority_) charge_floor(tenant, number, static_cast<int64_t>(cycles));
  }

  bool goes_on(const CoreWaiter& running, const CoreWaiter& other) const noexcept override {
    const TenantAccount& tenant = *running.tenant_account;
    if (&tenant != other.tenant_account) return tenant.virtual_time < other.tenant_account->virtual_time;
    const uint32_t level = level_of(running), others = level_of(other);
    if (level > others) return tenant.levels[others].owed <= 0;
    if (level < others) return tenant.levels[level].owed > 0;
    return running.virtual_time < other.virtual_time;
  }

 private:
  uint32_t level_of(const CoreWaiter& worker) const noexcept {
    return by_priority_ ? std::min(worker.priority, kPriorities - 1) : 0;
  }

  void advance(ShareAccount& account, uint64_t cycles, uint64_t base) const noexcept {
    const uint64_t before = account.virtual_time;
    account.virtual_time += virtual_cycles(cycles, account.weight);
    if (options_.debt_cycles_max != 0)
      account.virtual_time = std::min(account.virtual_time, std::max(before, base + options_.debt_cycles_max));
  }

  // The highest priority; or, of those that are owed time, the one that is owed most.
  static uint32_t choose_level(const TenantAccount& tenant) noexcept {
    const auto highest = static_cast<uint32_t>(std::bit_width(tenant.levels_waiting)) - 1;
    uint32_t chosen = highest;
    int64_t most = 0;
    for (uint32_t lower = tenant.levels_waiting & ~(1U << highest); lower != 0; lower &= lower - 1) {
      const auto level = static_cast<uint32_t>(std::countr_zero(lower));
      if (tenant.levels[level].owed <= most) continue;
      most = tenant.levels[level].owed;
      chosen = level;
    }
    return chosen;
  }

  // Those below the highest that wants the core share out floor_percent of the time among themselves: each level is
  // owed its part of whatever is used, and pays with what it uses.
  void charge_floor(TenantAccount& tenant, uint32_t user, int64_t cycles) noexcept {
    if (tenant.levels_contending == 0) return;
    const auto highest = static_cast<uint32_t>(std::bit_width(tenant.levels_contending)) - 1;
    uint32_t lower = tenant.levels_contending & ~(1U << highest);
    const int64_t part = options_.floor_percent * cycles / std::max(std::popcount(lower), 1);
    for (; lower != 0; lower &= lower - 1) tenant.levels[static_cast<uint32_t>(std::countr_zero(lower))].owed += part;
    tenant.levels[highest].owed = 0;
    if (user < highest) tenant.levels[user].owed -= 100 * cycles;
  }

  const CoreQueueOptions options_;
  const bool by_priority_;
  std::unordered_map<uint32_t, std::unique_ptr<TenantAccount>> accounts_;
  IndexedHeap<TenantAccount, LessUsed> tenants_;  // those with workers that wait
  uint64_t virtual_time_ = 0;                     // where the tenant that was chosen last started
  uint64_t comers_ = 0;
};

}  // namespace

std::unique_ptr<CoreQueue> make_core_queue(const CoreQueueOptions& options) {
  if (options.order == CoreOrder::first_come) return std::make_unique<FirstCome>();
  return std::make_unique<LeastUsed>(options);
}

}  // namespace roost
