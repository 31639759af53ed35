#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <cublasLt.h>

#include "kernels/bf16.hpp"
#include "realrun/devices/cuda/cuda_resources.hpp"
#include "realrun/devices/cuda/gemm_choice.hpp"

namespace calvo::realrun {

/// y [rows][columns] = x [rows][depth] * w, all dense, in bf16 with sums in float.
struct Gemm {
  const kernels::Bf16* x = nullptr;
  const kernels::Bf16* w = nullptr;  ///< [columns][depth], 256-byte aligned as x and y
  void* y = nullptr;                 ///< bf16, or float
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  bool to_float = false;
};

/// Products by cuBLASLt. For each bucket of shapes the algorithms that its heuristic proposes are
/// tried once and the fastest is kept. One thread, one stream at a time.
class CudaGemm {
public:
  CudaGemm();
  CudaGemm(const CudaGemm&) = delete;
  CudaGemm& operator=(const CudaGemm&) = delete;

  static constexpr std::int64_t workspace_bytes = 32 << 20;  // what cuBLAS takes on Hopper

  /// Queued, not awaited. A shape that was not tuned goes by the heuristic's first proposal.
  /// Throws CudaError.
  void multiply(const Gemm& args, cudaStream_t stream);

  /// Finds the algorithm for `args`' bucket, by as many products as that takes, each with another
  /// of `weights`, so that they do not lie in a cache. Blocks. x has contents; y is overwritten.
  void tune(const Gemm& args, std::span<const kernels::Bf16* const> weights,
            const CudaStream& stream);

  using Candidates = std::vector<cublasLtMatmulHeuristicResult_t>;
  /// Algorithms for this very shape, at most `most`, the one that the library expects most of
  /// first.
  Candidates proposals(const Gemm& args, int most) const;
  /// Queued by that one; a status other than success: the library refuses it.
  cublasStatus_t run(const Gemm& args, const cublasLtMatmulAlgo_t& algorithm,
                     cudaStream_t stream) const;

private:
  struct Destroy {
    void operator()(cublasLtHandle_t handle) const { cublasLtDestroy(handle); }
  };

  std::vector<Seconds> times(const Gemm& args, std::span<const kernels::Bf16* const> weights,
                             const cublasLtMatmulAlgo_t& algorithm, const CudaStream& stream) const;

  std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, Destroy> handle_;
  DeviceMemory workspace_;
  std::map<GemmKey, cublasLtMatmulAlgo_t> chosen_;  ///< by bucket
  std::map<GemmKey, cublasLtMatmulAlgo_t> exact_;   ///< by rows, where the bucket's does not do
};

}  // namespace calvo::realrun
