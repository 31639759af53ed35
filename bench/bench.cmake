# Each bench/NAME_bench.cpp is one program.
find_package(benchmark REQUIRED)
file(GLOB benches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*_bench.cpp)
foreach(source ${benches})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE calvo::sim calvo::analysis benchmark::benchmark)
  target_compile_definitions(${name} PRIVATE CALVO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endforeach()
