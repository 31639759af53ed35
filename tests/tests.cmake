# One test program per folder: tests/FOLDER/*_test.cpp becomes calvo_FOLDER_tests.
enable_testing()
include(GoogleTest)
option(CALVO_TESTS_TOGETHER
  "Run each test program as one test: to start a process for each claim costs more than most claims" OFF)

# tests/A/B/*_test.cpp becomes calvo_A_B_tests, with the label A.
function(calvo_tests folder)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  string(REPLACE "/" "_" name ${folder})
  string(REGEX REPLACE "/.*" "" label ${folder})
  add_executable(calvo_${name}_tests ${sources})
  target_link_libraries(calvo_${name}_tests PRIVATE ${ARGN} GTest::gmock GTest::gtest_main)
  target_compile_definitions(calvo_${name}_tests PRIVATE
    CALVO_SOURCE_DIR="${PROJECT_SOURCE_DIR}" CALVO_PROGRAM="$<TARGET_FILE:calvo>")
  if(CALVO_TESTS_TOGETHER)
    add_test(NAME ${folder} COMMAND calvo_${name}_tests --gtest_brief=1)
    set_tests_properties(${folder} PROPERTIES TIMEOUT 1200 LABELS ${label})
    if(label MATCHES "cli|realrun")
      set_tests_properties(${folder} PROPERTIES COST 100)  # the longest start first
    endif()
  else()
    gtest_discover_tests(calvo_${name}_tests DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT 600 LABELS ${label})
  endif()
endfunction()

calvo_tests(core calvo::core)
calvo_tests(models calvo::models)
calvo_tests(policies calvo::policies)
calvo_tests(control calvo::control)
calvo_tests(traces calvo::traces)
calvo_tests(scenarios calvo::scenarios)
calvo_tests(sim calvo::sim)
calvo_tests(analysis calvo::analysis)
calvo_tests(kernels calvo::kernels)
calvo_tests(realrun/wire calvo::realrun_wire)
calvo_tests(realrun/fabrics calvo::realrun_fabrics)
calvo_tests(realrun/devices calvo::realrun_devices)
calvo_tests(realrun/node calvo::realrun_node)
calvo_tests(realrun/calibrate calvo::realrun_calibrate)
calvo_tests(realrun/engine calvo::realrun_engine)
calvo_tests(cli calvo::sim calvo::analysis)
if(TARGET calvo_cli_tests)
  add_dependencies(calvo_cli_tests calvo)
endif()

add_test(NAME protocol COMMAND Python3::Interpreter
  ${PROJECT_SOURCE_DIR}/tests/scripts/protocol_test.py $<TARGET_FILE:calvo>)
set_tests_properties(protocol PROPERTIES TIMEOUT 1200 LABELS protocol)
add_test(NAME layering COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/layering_test.py)

include(tests/fuzz/fuzz.cmake)
include(tests/rdma.cmake)
