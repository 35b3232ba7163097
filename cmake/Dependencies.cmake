# SPDX-License-Identifier: BSD-3-Clause
# Everything from outside, as imported targets, so that its headers count as system headers.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost REQUIRED COMPONENTS context)

pkg_check_modules(numa REQUIRED IMPORTED_TARGET numa)
pkg_check_modules(urcu_qsbr REQUIRED IMPORTED_TARGET liburcu-qsbr)
pkg_check_modules(pcap REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(xdp REQUIRED IMPORTED_TARGET libxdp libbpf)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(cap_ng REQUIRED IMPORTED_TARGET libcap-ng)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
add_library(numa::numa ALIAS PkgConfig::numa)
add_library(urcu::qsbr ALIAS PkgConfig::urcu_qsbr)
add_library(pcap::pcap ALIAS PkgConfig::pcap)
add_library(xdp::xdp ALIAS PkgConfig::xdp)
add_library(seccomp::seccomp ALIAS PkgConfig::seccomp)
add_library(cap_ng::cap_ng ALIAS PkgConfig::cap_ng)
add_library(toml::toml ALIAS PkgConfig::tomlplusplus)

# DPDK. Its pkg-config file names some 50 libraries and a processor. We name the libraries that we use
# (the linker drops those a target doesn't need), and choose the processor for the whole build, below.
pkg_check_modules(dpdk_pc REQUIRED libdpdk)
set(roost_dpdk_libraries acl hash lpm rcu ethdev meter net mbuf mempool ring eal telemetry kvargs)

add_library(dpdk::headers INTERFACE IMPORTED)
target_include_directories(dpdk::headers SYSTEM INTERFACE ${dpdk_pc_INCLUDE_DIRS})
target_compile_options(dpdk::headers INTERFACE
  "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:ROOST_PRECOMPILED>>>:SHELL:-include rte_config.h>")

add_library(dpdk::dpdk INTERFACE IMPORTED)
target_link_libraries(dpdk::dpdk INTERFACE dpdk::headers)
foreach(library IN LISTS roost_dpdk_libraries)
  find_library(roost_dpdk_${library} NAMES rte_${library} HINTS ${dpdk_pc_LIBRARY_DIRS} REQUIRED)
  mark_as_advanced(roost_dpdk_${library})
  target_link_libraries(dpdk::dpdk INTERFACE ${roost_dpdk_${library}})
endforeach()

# Pool drivers register themselves when they are loaded; nothing refers to them, so the linker must be told to keep them.
foreach(driver ring stack)
  add_library(dpdk::mempool_${driver} INTERFACE IMPORTED)
  target_link_libraries(dpdk::mempool_${driver} INTERFACE
    "-Wl,--push-state,--no-as-needed,-lrte_mempool_${driver},--pop-state" dpdk::dpdk)
endforeach()

if(NOT ROOST_NATIVE)
  # What DPDK's inline functions were configured for (SSE4.2): the least that they compile with.
  set(roost_dpdk_march ${dpdk_pc_CFLAGS_OTHER})
  list(FILTER roost_dpdk_march INCLUDE REGEX "^-m")
  add_compile_options(${roost_dpdk_march})
endif()
