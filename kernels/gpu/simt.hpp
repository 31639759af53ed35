// What kernels use of a GPU, as functions: nvcc makes instructions of them, and any other compiler
// calls the emulator, so that the kernels' own code runs in tests on the CPU.
#pragma once

#include <cstddef>
#include <cstdint>

namespace calvo::kernels::gpu::simt {

/// What one thread moves at a time.
struct alignas(16) Word {
  std::uint32_t x, y, z, w;
};

/// A place in a thread block's shared memory.
using SharedAddress = std::uint32_t;

/// A kernel's grid.
struct LaunchShape {
  std::int64_t blocks = 0;
  std::int32_t threads = 0;
  std::int32_t shared_bytes = 0;
};

}  // namespace calvo::kernels::gpu::simt

#ifdef __CUDACC__
#include "kernels/gpu/simt_cuda.cuh"
#else
#include "kernels/gpu/simt_emulator.hpp"
#endif
