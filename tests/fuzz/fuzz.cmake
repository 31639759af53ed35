# The fuzzers' targets as tests of every build, and, with clang and CALVO_FUZZ, as a libFuzzer
# program. They compile the few sources of node, fabrics and control plane that they need: no fabric
# is linked, and clang 14 does not take libstdc++'s ranges as the other folders use them.
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/*_target.cpp
     ${PROJECT_SOURCE_DIR}/tests/fuzz/*_targets.cpp)
list(APPEND fuzz_sources ${PROJECT_SOURCE_DIR}/tests/fuzz/targets.cpp)
foreach(name realrun/node/session realrun/node/block_pool realrun/node/fault_script
             realrun/fabrics/verbs_claim control/storage_node control/kv_book)
  list(APPEND fuzz_sources ${PROJECT_SOURCE_DIR}/${name}.cpp)
endforeach()

add_executable(calvo_fuzz_tests ${fuzz_sources} ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_test.cpp)
target_link_libraries(calvo_fuzz_tests PRIVATE calvo::realrun_wire Boost::headers GTest::gtest_main)
gtest_discover_tests(calvo_fuzz_tests DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600 LABELS fuzz)

option(CALVO_FUZZ "Build calvo_fuzz with libFuzzer, which needs clang" OFF)
if(CALVO_FUZZ)
  add_executable(calvo_fuzz ${fuzz_sources} ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_main.cpp)
  target_link_libraries(calvo_fuzz PRIVATE calvo::realrun_wire Boost::headers)
  target_link_options(calvo_fuzz PRIVATE -fsanitize=fuzzer)
endif()
