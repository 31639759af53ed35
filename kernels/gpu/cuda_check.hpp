#pragma once

#include <stdexcept>
#include <string>

#include <cuda_runtime_api.h>

namespace calvo::kernels::gpu {

struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws CudaError that says what failed and how.
inline void cuda_check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw CudaError(std::string(what) + ": " + cudaGetErrorName(status) + " (" +
                    cudaGetErrorString(status) + ")");
  }
}

}  // namespace calvo::kernels::gpu
