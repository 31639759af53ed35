# Each bench/gpu/NAME_bench.cpp is one program. Without a GPU it says so and ends.
file(GLOB gpu_benches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/gpu/*_bench.cpp)
foreach(source ${gpu_benches})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} ${PROJECT_SOURCE_DIR}/bench/gpu/measure.cpp)
  target_link_libraries(${name} PRIVATE calvo::kernels_gpu CUDA::cublasLt benchmark::benchmark)
  add_dependencies(benches ${name})
  add_dependencies(gpu ${name})
endforeach()
