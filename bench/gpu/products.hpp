// Products of matrices by cuBLASLt's best algorithm, which others are held to.
#pragma once

#include <span>

#include "bench/gpu/measure.hpp"
#include "kernels/bf16.hpp"
#include "realrun/devices/cuda/cuda_gemm.hpp"

namespace calvo::bench {

struct BestProduct {
  double seconds = 0;
  int algorithms = 0;  ///< that ran
};

/// The fastest of all algorithms that cuBLASLt proposes for `args` and runs: each is timed shortly,
/// the few fastest as time_of() does. Each product in turn with another of `weights`.
BestProduct best_product(const realrun::CudaGemm& gemm, const realrun::Gemm& args,
                         std::span<const kernels::Bf16* const> weights);

/// Operations per second of the best one of bf16 matrices of 8192 x 8192, measured once.
const Bound& product_rate();

}  // namespace calvo::bench
