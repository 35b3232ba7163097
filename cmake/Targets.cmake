# SPDX-License-Identifier: BSD-3-Clause
# Helpers by which the tree is globbed: a new file needs no change here.

# roost_sources(<variable> <folder> [EXCLUDE <regex>...]): all .cc files under the folder, but those that match.
function(roost_sources variable folder)
  cmake_parse_arguments(arg "" "" "EXCLUDE" ${ARGN})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  foreach(pattern IN LISTS arg_EXCLUDE)
    list(FILTER files EXCLUDE REGEX "^${PROJECT_SOURCE_DIR}/${pattern}")
  endforeach()
  set(${variable} ${files} PARENT_SCOPE)
endfunction()

# roost_alone(<folder> <name>...): these files, <name>.cc, are compiled by themselves, whatever ROOST_UNITY says.
function(roost_alone folder)
  foreach(name IN LISTS ARGN)
    set(source ${PROJECT_SOURCE_DIR}/${folder}/${name}.cc)
    if(NOT EXISTS ${source})
      message(FATAL_ERROR "roost_alone: no such file: ${source}")
    endif()
    set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()
endfunction()

# roost_library(<name> STATIC|OBJECT SOURCES ... LINK ...): header-only while there are no sources.
function(roost_library name kind)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  if(arg_SOURCES)
    add_library(${name} ${kind} ${arg_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} ${scope} ${arg_LINK})
endfunction()

# What most files include and takes long to read.
set(roost_heavy_headers <fmt/format.h> <nlohmann/json.hpp> <rte_mbuf.h>
  <algorithm> <chrono> <filesystem> <fstream> <functional> <map> <memory> <optional> <string> <vector>)

# roost_precompile(<target> <header>... | REUSE_FROM <target>): the headers are compiled once, for this target or by one
# with the same compiler options and no definition that this one lacks. g++ takes a precompiled header only where it is
# the first file of all, and says nothing where it is not; so these targets have rte_config.h in it, in place of its own
# -include.
function(roost_precompile target)
  if(ARGV1 STREQUAL "REUSE_FROM")
    target_precompile_headers(${target} REUSE_FROM ${ARGV2})
  else()
    target_precompile_headers(${target} PRIVATE <rte_config.h> ${ARGN})
  endif()
  set_target_properties(${target} PROPERTIES ROOST_PRECOMPILED ON)
endfunction()

# roost_light(...), as roost_precompile(...): for what needs to be built fast, not to be fast; not optimised.
function(roost_light target)
  roost_precompile(${target} ${ARGN})
  target_compile_options(${target} PRIVATE -O0 -g1)
endfunction()

# roost_add_nf(<name> <source>...): an NF module, <name>.so; what it calls of Roost, the host that loads it has.
function(roost_add_nf name)
  add_library(nf_${name} MODULE ${ARGN})
  set_target_properties(nf_${name} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${ROOST_NF_DIR} CXX_VISIBILITY_PRESET hidden)
  target_include_directories(nf_${name} PRIVATE ${PROJECT_SOURCE_DIR}/nflib/include ${PROJECT_SOURCE_DIR})
  target_link_libraries(nf_${name} PRIVATE dpdk::dpdk)
  add_dependencies(roost_modules nf_${name})
endfunction()
