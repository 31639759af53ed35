#pragma once

struct CUstream_st;  // a cudaStream_t points to this; so headers need no CUDA toolkit

namespace calvo::kernels::gpu {

using Stream = CUstream_st*;

}  // namespace calvo::kernels::gpu
