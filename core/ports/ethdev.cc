// SPDX-License-Identifier: BSD-3-Clause
#include "core/ports/ethdev.h"

#include <rte_dev.h>
#include <rte_epoll.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <string_view>

#include "core/error.h"
#include "core/packet_memory.h"

// rte_dev_dma_map and its opposite: not yet in DPDK's stable interface, and there is nothing else.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace roost {
namespace {

constexpr uint16_t kTransmitBurstMax = 64;

std::string name_of(const std::string& device) { return device.substr(0, device.find(',')); }
std::string parameters_of(const std::string& device) {
  const size_t comma = device.find(',');
  return comma == std::string::npos ? "" : device.substr(comma + 1);
}

// A driver's name, and a number.
bool is_virtual(const std::string& name) {
  const auto may_be = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  const size_t driver_end = name.find_last_not_of("0123456789") + 1;
  return (name.starts_with("net_") || name.starts_with("eth_")) && driver_end > 4 && driver_end < name.size() &&
         std::ranges::all_of(name, may_be);
}

// Drivers return negative error numbers, EAL sets its own.
std::string why(int result) { return rte_strerror(result < -1 ? -result : rte_errno); }

}  // namespace

bool is_pci_address(const std::string& device) noexcept {
  constexpr std::string_view kShape = "xxxx:xx:xx.7";
  return std::ranges::equal(device.substr(0, device.find(',')), kShape, [](char has, char wanted) {
    if (wanted == 'x') return std::isxdigit(static_cast<unsigned char>(has)) != 0;
    return wanted == '7' ? has >= '0' && has <= '7' : has == wanted;
  });
}

std::string ethdev_name_problem(const std::string& device) {
  if (is_pci_address(device) || is_virtual(name_of(device))) return "";
  return fmt::format(
      "'{}' is no device; write a PCI address (\"0000:3b:00.0\") or a driver of DPDK's with a number and its "
      "parameters (\"net_memif0,role=server\")",
      device);
}

Ethdev::Ethdev(const EthdevSetup& setup, rte_mempool* pool) : device_(name_of(setup.device)) {
  const bool on_pci = is_pci_address(setup.device);
  uint16_t found = 0;
  // EAL has taken a PCI device that it was told of at its start; all others come now.
  if (rte_eth_dev_get_port_by_name(device_.c_str(), &found) != 0) {
    const int added =
        rte_eal_hotplug_add(on_pci ? "pci" : "vdev", device_.c_str(), parameters_of(setup.device).c_str());
    if (added != 0 || rte_eth_dev_get_port_by_name(device_.c_str(), &found) != 0) {
      const std::string reason = added != 0 ? why(added) : "it is no network device";
      if (added == 0) rte_eal_hotplug_remove(on_pci ? "pci" : "vdev", device_.c_str());
      if (on_pci)
        fail("device '{}': DPDK can't take it ({}); bind it to vfio-pci first: dpdk-devbind.py -b vfio-pci {}", device_,
             reason, device_);
      fail(
          "device '{}': its driver refuses it ({}); the driver's own words are above, and its parameters in DPDK's "
          "guide to network drivers",
          device_, reason);
    }
  }
  id_ = found;
  try {
    if (on_pci) map_buffers(pool);
    configure(setup, pool);
  } catch (...) {
    end();
    throw;
  }
}

Ethdev::~Ethdev() { end(); }

void Ethdev::end() noexcept {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(id_, &info) != 0) return;
  for (uint16_t queue = 0; queue < interrupts_.size(); ++queue)
    rte_eth_dev_rx_intr_ctl_q(id_, queue, interrupts_[queue].get(), RTE_INTR_EVENT_DEL, nullptr);
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  rte_dev_remove(info.device);
}

// EAL maps its own memory for cards; the packets' buffers lie in ours. It stays mapped as long as EAL runs: it is
// mapped for all cards together, and the others go on after the first one's end.
void Ethdev::map_buffers(rte_mempool* pool) {
  if ((rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) == 0) return;
  if (rte_eal_iova_mode() != RTE_IOVA_VA)
    fail(
        "device '{}': without an IOMMU it would need physical addresses, which its packets' memory has none of; turn "
        "the IOMMU on",
        device_);
  rte_mbuf* const sample = rte_pktmbuf_alloc(pool);
  if (sample == nullptr) fail("the packet pool is empty; give the memory more packets");
  const uint32_t first = handle_at(sample->buf_addr) / kHandlesPerNode * kHandlesPerNode;
  rte_pktmbuf_free(sample);
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const from = reinterpret_cast<void*>(packet_address(first));
  const size_t bytes = RTE_ALIGN_CEIL(size_t{pool->size} * kStrideBytes, page);
  // Of the second device on, EAL knows this memory.
  if (rte_extmem_register(from, bytes, nullptr, static_cast<unsigned>(bytes / page), page) != 0 && rte_errno != EEXIST)
    fail("device '{}': DPDK does not take the packets' memory: {}", device_, rte_strerror(rte_errno));
  rte_eth_dev_info info{};
  rte_eth_dev_info_get(id_, &info);
  if (rte_dev_dma_map(info.device, from, reinterpret_cast<uint64_t>(from), bytes) != 0)
    fail(
        "device '{}': the packets' memory can't be mapped for it; DPDK's words are above (limits: ulimit -l; the IOMMU "
        "needs addresses of 48 bits)",
        device_);
}

// Without RSS one queue has all that comes. net_memif has as many queues as its peer, and no others may be used.
Ethdev::Queues Ethdev::queues_for(uint16_t wanted) const {
  rte_eth_dev_info info{};
  if (wanted <= 1 || rte_eth_dev_info_get(id_, &info) != 0 || driver() == "net_memif") return {};
  const uint16_t transmit = std::clamp<uint16_t>(info.max_tx_queues, 1, wanted);
  if (info.flow_type_rss_offloads == 0) return {1, transmit};
  return {std::clamp<uint16_t>(info.max_rx_queues, 1, transmit), transmit};
}

// With receive interrupts, or without where the driver refuses to start with them; with fewer queues only if need be.
void Ethdev::configure(const EthdevSetup& setup, rte_mempool* pool) {
  struct Try {
    Queues queues;
    bool interrupts;
  };
  const Queues wanted = queues_for(setup.queues);
  std::vector<Try> tries{{wanted, true}, {wanted, false}};
  if (wanted.transmit > 1) tries.insert(tries.end(), {{{1, 1}, true}, {{1, 1}, false}});
  for (size_t i = 0;; ++i) {
    try {
      start(setup, pool, tries[i].queues, tries[i].interrupts);
      if (tries[i].interrupts) take_interrupts();
      return;
    } catch (const Error&) {
      rte_eth_dev_stop(id_);
      if (i + 1 == tries.size()) throw;
    }
  }
}

// For all queues, or none.
void Ethdev::take_interrupts() {
  std::vector<FileDescriptor> taken;
  for (uint16_t queue = 0; queue < queues_.receive; ++queue) {
    FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) fail_errno("device '{}': epoll_create1", device_);
    if (rte_eth_dev_rx_intr_ctl_q(id_, queue, epoll.get(), RTE_INTR_EVENT_ADD, nullptr) != 0) break;
    taken.push_back(std::move(epoll));
    if (!enable_interrupt(queue)) break;
    rte_eth_dev_rx_intr_disable(id_, queue);
    if (taken.size() == queues_.receive) {
      interrupts_ = std::move(taken);
      return;
    }
  }
  for (uint16_t queue = 0; queue < taken.size(); ++queue)
    rte_eth_dev_rx_intr_ctl_q(id_, queue, taken[queue].get(), RTE_INTR_EVENT_DEL, nullptr);
}

// A driver that has a descriptor and nothing to switch on there (net_tap) tells of packets at any time.
bool Ethdev::enable_interrupt(uint16_t queue) noexcept {
  const int result = rte_eth_dev_rx_intr_enable(id_, queue);
  return result == 0 || result == -ENOTSUP;
}

bool Ethdev::arm_interrupt(uint16_t queue) noexcept {
  return interrupt_fd(queue) < 0 || (enable_interrupt(queue) && rte_eth_rx_queue_count(id_, queue) <= 0);
}

void Ethdev::disarm_interrupt(uint16_t queue) noexcept {
  if (interrupt_fd(queue) < 0) return;
  rte_eth_dev_rx_intr_disable(id_, queue);
  rte_epoll_event event;
  rte_epoll_wait(interrupt_fd(queue), &event, 1, 0);  // what has come in is taken off the descriptor
}

void Ethdev::start(const EthdevSetup& setup, rte_mempool* pool, Queues queues, bool interrupts) {
  const auto check = [this](int result, const char* what) {
    if (result < 0) fail("device '{}': {}: {}", device_, what, rte_strerror(-result));
  };
  rte_eth_dev_info info{};
  check(rte_eth_dev_info_get(id_, &info), "it says nothing of itself");
  rte_eth_conf conf{};
  conf.intr_conf.rxq = interrupts;
  conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;  // longer packets than a buffer
  conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  if (queues.receive > 1) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf =
        info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP);
  }
  sends_segments_ = conf.txmode.offloads != 0;
  queues_ = queues;
  check(rte_eth_dev_configure(id_, queues.receive, queues.transmit, &conf), "so many queues are refused");
  set_up_queues(setup, pool);
  check(rte_eth_dev_start(id_), "it does not start");
  if (setup.promiscuous) {
    const int result = rte_eth_promiscuous_enable(id_);
    if (result != -ENOTSUP) check(result, "promiscuous mode is refused");
  }
}

void Ethdev::set_up_queues(const EthdevSetup& setup, rte_mempool* pool) {
  const auto check = [this](int result, const char* what) {
    if (result < 0) fail("device '{}': {}: {}", device_, what, rte_strerror(-result));
  };
  uint16_t receive = setup.receive_descriptors, transmit = setup.transmit_descriptors;
  check(rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive, &transmit), "so many descriptors are refused");
  const auto node = static_cast<unsigned>(rte_eth_dev_socket_id(id_));
  for (uint16_t queue = 0; queue < queues_.receive; ++queue)
    check(rte_eth_rx_queue_setup(id_, queue, receive, node, nullptr, pool), "a receive queue can't be set up");
  for (uint16_t queue = 0; queue < queues_.transmit; ++queue)
    check(rte_eth_tx_queue_setup(id_, queue, transmit, node, nullptr), "a transmit queue can't be set up");
}

uint16_t Ethdev::transmit(uint16_t queue, rte_mbuf** packets, uint16_t count, PortCounters& counters) const noexcept {
  const auto sendable = [this](const rte_mbuf* packet) { return packet->nb_segs == 1 || sends_segments_; };
  uint16_t done = 0;
  while (done < count) {
    if (!sendable(packets[done])) {
      rte_pktmbuf_free(packets[done++]);
      counters.transmit_dropped.add(1);
      continue;
    }
    std::array<uint32_t, kTransmitBurstMax> bytes;  // a packet that is sent is gone
    uint16_t ready = 0;
    for (; ready < kTransmitBurstMax && done + ready < count && sendable(packets[done + ready]); ++ready)
      bytes[ready] = packets[done + ready]->pkt_len;
    const uint16_t sent = rte_eth_tx_burst(id_, queue, packets + done, ready);
    counters.transmitted.add(sent);
    counters.transmitted_bytes.add(std::accumulate(bytes.begin(), bytes.begin() + sent, uint64_t{0}));
    done = static_cast<uint16_t>(done + sent);
    if (sent < ready) break;  // its queue is full
  }
  return done;
}

bool Ethdev::is_up() const noexcept {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

uint64_t Ethdev::take_missed() noexcept {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(id_, &stats) != 0) return 0;
  const uint64_t now = stats.imissed + stats.rx_nombuf + stats.ierrors, before = missed_;
  missed_ = std::max(now, before);
  return missed_ - before;
}

std::string Ethdev::driver() const {
  rte_eth_dev_info info{};
  return rte_eth_dev_info_get(id_, &info) == 0 && info.driver_name != nullptr ? info.driver_name : "unknown";
}

}  // namespace roost
