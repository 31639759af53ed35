# Each bench/NAME_bench.cpp is one program.
find_package(benchmark REQUIRED)
file(GLOB benches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*_bench.cpp)
add_custom_target(benches)
foreach(source ${benches})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE calvo::sim calvo::analysis calvo::realrun_engine calvo::realrun_devices calvo::realrun_fabrics benchmark::benchmark)
  add_dependencies(benches ${name})
  target_compile_definitions(${name} PRIVATE
    CALVO_SOURCE_DIR="${PROJECT_SOURCE_DIR}" CALVO_PROGRAM="$<TARGET_FILE:calvo>")
endforeach()

if(CALVO_CUDA)
  include(bench/gpu/gpu.cmake)
endif()
add_dependencies(sweep_bench calvo)
