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

# roost_light(<target> <header>...): for what needs to be built fast, not to be fast: its heavy headers are compiled
# once, and it is optimised a little.
function(roost_light target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  target_compile_options(${target} PRIVATE -O1 -g1)
endfunction()

# roost_add_nf(<name> <source>...): an NF module, <name>.so; what it calls of Roost, the host that loads it has.
function(roost_add_nf name)
  add_library(nf_${name} MODULE ${ARGN})
  set_target_properties(nf_${name} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${ROOST_NF_DIR} CXX_VISIBILITY_PRESET hidden)
  target_include_directories(nf_${name} PRIVATE ${PROJECT_SOURCE_DIR}/nflib/include ${PROJECT_SOURCE_DIR})
  target_link_libraries(nf_${name} PRIVATE dpdk::dpdk nlohmann_json::nlohmann_json)
  add_dependencies(roost_modules nf_${name})
endfunction()
