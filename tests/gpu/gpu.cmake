# Tests that need a GPU: without one they skip in one line, with CALVO_REQUIRE_GPU=1 they fail.
add_custom_target(gpu)  # everything of the cuda preset that others have not
add_dependencies(gpu calvo_kernels_gpu)

function(calvo_gpu_tests folder)
  calvo_tests(gpu/${folder} ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  if(TARGET calvo_gpu_${name}_tests)
    target_sources(calvo_gpu_${name}_tests PRIVATE ${PROJECT_SOURCE_DIR}/tests/gpu/main.cpp)
    target_link_libraries(calvo_gpu_${name}_tests PRIVATE CUDA::cudart_static)
    add_dependencies(gpu calvo_gpu_${name}_tests)
    if(CALVO_TESTS_TOGETHER)
      set_tests_properties(gpu/${folder} PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: no GPU")
    endif()
  endif()
endfunction()

calvo_gpu_tests(kernels calvo::kernels_gpu)
file(GLOB claims CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/kernels/gpu/*_claims.cpp)
target_sources(calvo_gpu_kernels_tests PRIVATE ${claims})

# What holds for the host device holds for a GPU, and more.
calvo_gpu_tests(devices calvo::realrun_engine)
target_sources(calvo_gpu_devices_tests PRIVATE
  ${PROJECT_SOURCE_DIR}/tests/realrun/devices/copies_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/realrun/devices/oracle_test.cpp
  ${PROJECT_SOURCE_DIR}/tests/realrun/engine/engine_fixture.cpp)
