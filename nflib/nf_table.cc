// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/nf_table.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "core/clock.h"
#include "core/error.h"

namespace roost {
namespace {

constexpr std::chrono::milliseconds kRemovePatience{1'000};  // for the worker to come to it, on a core that it shares

uint16_t number_of(const Numbers& numbers, std::string_view name, const char* kind) {
  const auto found = numbers.find(name);
  if (found != numbers.end()) return found->second;
  std::string known;
  for (const auto& [each, number] : numbers) known += (known.empty() ? "" : ", ") + each;
  fail("there is no {} '{}'; there are: {}", kind, name, known.empty() ? "none" : known);
}

}  // namespace

// The NFs of one start request: they share one block of memory and all that the request said.
struct NfTable::Group {
  class NfContext final : public Context {
   public:
    NfContext(Group& group, uint32_t id) : group_(&group), id_(id) {}
    uint32_t place() const noexcept { return group_->request.first + (id_ - group_->request.first_id); }
    uint32_t nf_id() const noexcept override { return id_; }
    std::string_view config() const noexcept override { return group_->request.config; }
    uint16_t service(std::string_view name) const override {
      return number_of(group_->request.services, name, "service");
    }
    uint16_t port(std::string_view name) const override { return number_of(group_->request.ports, name, "port"); }
    void reserve_packets(uint32_t count) override {
      reserved_ += count;
      group_->worker.want_grants(count);
    }
    void unreserve() noexcept { group_->worker.want_grants(0u - std::exchange(reserved_, 0)); }
    rte_mempool* pool() noexcept override { return group_->worker.pool(); }
    void send(rte_mbuf* packet, Verdict verdict) noexcept override { group_->worker.send(packet, verdict); }
    TimerId every(std::chrono::milliseconds period) override {
      return group_->worker.use_events(
          [&](NfEvents& events) { return events.every(place(), ms_of(period), tsc_now()); });
    }
    TimerId after(std::chrono::milliseconds delay) override {
      return group_->worker.use_events(
          [&](NfEvents& events) { return events.after(place(), ms_of(delay), tsc_now()); });
    }
    void cancel(TimerId timer) noexcept override {
      if (timer != TimerId::none) group_->worker.use_events([&](NfEvents& events) { events.cancel(place(), timer); });
    }
    bool post(uint32_t nf_id, std::string_view message) noexcept override { return group_->post(nf_id, message); }

   private:
    static uint64_t ms_of(std::chrono::milliseconds time) noexcept {
      return time.count() <= 0 ? 0 : static_cast<uint64_t>(time.count());
    }

    Group* group_;
    uint32_t id_;
    uint32_t reserved_ = 0;
  };
  static_assert(sizeof(NfContext) <= 64);

  Group(std::shared_ptr<const Module> of, StartRequest what, Worker& on, NfIds& of_all)
      : module(std::move(of)),
        request(std::move(what)),
        worker(on),
        ids(of_all),
        alignment(module->descriptor().nf_alignment) {
    stride = (module->descriptor().nf_bytes + alignment - 1) / alignment * alignment;
    contexts.reserve(request.count);
    memory = static_cast<std::byte*>(operator new (stride* request.count, std::align_val_t{alignment}));
  }
  ~Group() { operator delete (memory, std::align_val_t{alignment}); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // The Nf in an author's class need not be at its beginning, but is at the same place in all of them.
  Nf* nf(uint32_t i) const noexcept { return reinterpret_cast<Nf*>(memory + i * stride + nf_offset); }

  void make(uint32_t i) {
    const uint32_t id = request.first_id + i;
    try {
      Nf* const made = module->descriptor().construct(memory + i * stride);
      nf_offset = reinterpret_cast<std::byte*>(made) - (memory + i * stride);
      contexts.emplace_back(*this, id);
      ++live;
      made->start(contexts.back());
    } catch (const std::exception& error) {
      fail("NF {} ('{}'): {}", id, module->path(), error.what());
    } catch (...) {
      fail("NF {} ('{}'): threw something that is no std::exception", id, module->path());
    }
  }
  bool post(uint32_t nf_id, std::string_view message) noexcept {
    try {
      return ids.find(nf_id, [&](uint32_t place) {
        return worker.use_events([&](NfEvents& events) { return events.post(place, message); });
      });
    } catch (const std::exception&) {
      return false;  // no memory
    }
  }
  void destroy(uint32_t i) noexcept {
    nf(i)->~Nf();
    contexts[i].unreserve();
    worker.forget_events(request.first + i);
    --live;
  }

  const std::shared_ptr<const Module> module;  // its code outlives its NFs
  const StartRequest request;
  Worker& worker;
  NfIds& ids;
  const size_t alignment;
  size_t stride = 0;
  std::ptrdiff_t nf_offset = 0;
  std::byte* memory = nullptr;
  std::vector<NfContext> contexts;
  uint32_t live = 0;
};

NfTable::NfTable(Worker& worker, const HostRegion& region) : worker_(worker), region_(region) {}

NfTable::~NfTable() {
  for (uint32_t index = 0; index < groups_.size(); ++index)
    if (groups_[index] != nullptr) destroy(index);
  worker_.take_returned();
}

void NfTable::check(const StartRequest& request) const {
  const HostLayout& layout = region_.layout();
  if (request.count == 0 || request.count > layout.nfs_max || request.first > layout.nfs_max - request.count)
    fail("start: NFs {} to {} in a host for {}", request.first, uint64_t{request.first} + request.count,
         layout.nfs_max);
  const size_t end = std::min<size_t>(groups_.size(), request.first + request.count);
  for (size_t index = request.first; index < end; ++index)
    if (groups_[index] != nullptr) fail("start: NF {} of this host lives already; stop it first", index);
}

void NfTable::start(std::shared_ptr<const Module> module, StartRequest request) {
  check(request);
  auto group = std::make_unique<Group>(std::move(module), std::move(request), worker_, ids_);
  const StartRequest& of = group->request;
  if (groups_.size() < size_t{of.first} + of.count) groups_.resize(of.first + of.count, nullptr);
  try {
    for (uint32_t i = 0; i < of.count; ++i) group->make(i);
  } catch (...) {
    while (group->live > 0) group->destroy(group->live - 1);
    throw;
  }
  for (uint32_t i = 0; i < of.count; ++i) {
    groups_[of.first + i] = group.get();
    worker_.add_nf(of.first + i, group->nf(i), std::binary_search(of.quarantined.begin(), of.quarantined.end(), i));
  }
  ids_.add(of.first_id, of.count, of.first);
  static_cast<void>(group.release());  // its NFs own it from here on
}

void NfTable::stop(uint32_t first, uint32_t count) {
  if (first > groups_.size() || count > groups_.size() - first)
    fail("stop: NFs {} to {} do not all live here", first, uint64_t{first} + count);
  for (uint32_t index = first; index < first + count; ++index) {
    if (groups_[index] == nullptr) fail("stop: NF {} of this host does not live", index);
  }
  switch (worker_.remove_nfs(first, count, kRemovePatience)) {
    case Worker::Removal::done:
      break;
    case Worker::Removal::suspended:
      fail("stop: of NFs {} to {} of this host, one is in the middle of process(); stop them later, or their host",
           first, first + count - 1);
    case Worker::Removal::late:
      fail("stop: NF {} of this host has been in the middle of process() for {} ms; stop NFs later, or their host",
           region_.worker().report.current_nf.load(), kRemovePatience.count());
  }
  for (uint32_t index = first; index < first + count; ++index) destroy(index);
}

std::vector<uint32_t> NfTable::places() const {
  std::vector<uint32_t> places;
  for (uint32_t index = 0; index < groups_.size(); ++index)
    if (groups_[index] != nullptr) places.push_back(index);
  return places;
}

bool NfTable::has(const StartRequest& group) const noexcept {
  if (group.first > groups_.size() || group.count > groups_.size() - group.first) return false;
  for (uint32_t index = group.first; index < group.first + group.count; ++index) {
    if (groups_[index] == nullptr) return false;
    const StartRequest& was = groups_[index]->request;
    const uint32_t before = index - was.first, i = index - group.first;
    if (was.first_id + before != group.first_id + i) return false;
  }
  return true;
}

uint32_t NfTable::tell(uint32_t first_id, uint32_t count, std::string_view message) {
  uint32_t told = 0;
  for (uint32_t id = first_id; id < first_id + count; ++id)
    told += ids_.find(id, [&](uint32_t place) {
      return worker_.use_events([&](NfEvents& events) { return events.post(place, message); });
    });
  return told;
}

void NfTable::destroy(uint32_t index) noexcept {
  Group* const group = std::exchange(groups_[index], nullptr);
  ids_.remove(group->request.first_id + (index - group->request.first));
  group->destroy(index - group->request.first);
  if (group->live == 0) delete group;
}

}  // namespace roost
