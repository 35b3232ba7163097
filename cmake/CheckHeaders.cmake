# SPDX-License-Identifier: BSD-3-Clause
# check_headers compiles every header alone, twice over in one unit: it must bring what it needs, and guard itself.
# Not part of ALL, so that a first build is quick; a test builds it.

file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  core/*.h scheduler/*.h nflib/*.h cli/*.h examples/*.h experiments/*.h tests/*.h)
set(units)
foreach(header IN LISTS headers)
  set(unit ${PROJECT_BINARY_DIR}/headers/${header}.cc)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"@header@\"\n#include \"@header@\"  // NOLINT\n" @ONLY)
  list(APPEND units ${unit})
endforeach()
if(units)
  add_library(check_headers OBJECT EXCLUDE_FROM_ALL ${units})
  set_target_properties(check_headers PROPERTIES UNITY_BUILD OFF)
  target_compile_options(check_headers PRIVATE -O0 -g0)
  target_include_directories(check_headers PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/nflib/include)
  find_package(GTest REQUIRED)
  target_link_libraries(check_headers PRIVATE
    roost_core Boost::context toml::toml GTest::gtest)
else()
  add_custom_target(check_headers)
endif()
