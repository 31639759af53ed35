# One test program per folder: tests/FOLDER/*_test.cpp becomes calvo_FOLDER_tests.
enable_testing()
include(GoogleTest)

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
  gtest_discover_tests(calvo_${name}_tests DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 600 LABELS ${label})
endfunction()

calvo_tests(core calvo::core)
calvo_tests(models calvo::models)
calvo_tests(policies calvo::policies)
calvo_tests(control calvo::control)
calvo_tests(traces calvo::traces)
calvo_tests(scenarios calvo::scenarios)
calvo_tests(sim calvo::sim)
calvo_tests(analysis calvo::analysis)
calvo_tests(realrun/wire calvo::realrun_wire)
calvo_tests(realrun/fabrics calvo::realrun_fabrics)
calvo_tests(realrun/devices calvo::realrun_devices)
calvo_tests(realrun/node calvo::realrun_node)
calvo_tests(realrun/engine calvo::realrun_engine calvo::sim)
calvo_tests(cli calvo::sim calvo::analysis)
if(TARGET calvo_cli_tests)
  add_dependencies(calvo_cli_tests calvo)
endif()

add_test(NAME layering COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/layering_test.py)
