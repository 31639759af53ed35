# Each bench/gpu/NAME_bench.cpp is one program. Without a GPU it says so and ends, as
# failed if CALVO_REQUIRE_GPU=1.
add_library(gpu_measure STATIC ${PROJECT_SOURCE_DIR}/bench/gpu/measure.cpp
  ${PROJECT_SOURCE_DIR}/bench/gpu/pinned.cpp ${PROJECT_SOURCE_DIR}/bench/gpu/products.cpp)
target_link_libraries(gpu_measure PUBLIC calvo::realrun_devices benchmark::benchmark)
file(GLOB gpu_benches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/gpu/*_bench.cpp)
foreach(source ${gpu_benches})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE gpu_measure)
  add_dependencies(benches ${name})
  add_dependencies(gpu ${name})
endforeach()
