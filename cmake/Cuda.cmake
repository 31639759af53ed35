# CUDA C++. The runtime is linked statically: a program then needs the driver
# only.
enable_language(CUDA)
if(CMAKE_VERSION VERSION_LESS 3.26 AND NOT TARGET CUDA::nvToolsExt)
  # Its FindCUDAToolkit sets a property of this, and toolkits from 13 on do not have it any more.
  add_library(CUDA::nvToolsExt INTERFACE IMPORTED)
endif()
find_package(CUDAToolkit REQUIRED)
if(CUDAToolkit_VERSION VERSION_LESS 13.0)
  message(FATAL_ERROR "CUDA ${CUDAToolkit_VERSION} is too old: 13.0 or later is needed "
    "(cudaMemcpyBatchAsync has other arguments before); install one, or set CALVO_CUDA=OFF")
endif()
# CMake 3.25 knows no CUDA20 for nvcc, so the dialect is a plain flag. Index arithmetic is constexpr
# and shared with tests that run on the CPU.
string(APPEND CMAKE_CUDA_FLAGS " -std=c++20 --expt-relaxed-constexpr -lineinfo"
  " -Xcompiler=-Wall,-Wextra,-Wshadow,-ffp-contract=off")
option(CALVO_CUDA_WERROR "Warnings of CUDA code are errors" ON)
if(CALVO_CUDA_WERROR)
  string(APPEND CMAKE_CUDA_FLAGS " -Werror all-warnings -Xcompiler=-Werror")
endif()
