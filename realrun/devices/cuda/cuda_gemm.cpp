#include "realrun/devices/cuda/cuda_gemm.hpp"

#include <algorithm>
#include <string>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr int proposals_tried = 8;
constexpr int timed_repeats = 3;

void lt_check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw kernels::gpu::CudaError(std::string(what) + ": " + cublasLtGetStatusName(status));
  }
}

/// How a product looks to the library, which thinks in columns: y^T = w^T x^T, where w^T is its
/// first matrix, transposed because depth runs fastest in both.
class Description {
public:
  explicit Description(const Gemm& args) {
    lt_check(cublasLtMatmulDescInit(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "matmul");
    const cublasOperation_t transposed = CUBLAS_OP_T;
    lt_check(cublasLtMatmulDescSetAttribute(&operation_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                            sizeof transposed),
             "matmul");
    const auto rows = static_cast<std::uint64_t>(args.rows);
    const auto columns = static_cast<std::uint64_t>(args.columns);
    const auto depth = static_cast<std::uint64_t>(args.depth);
    layout(weights_, CUDA_R_16BF, depth, columns);
    layout(inputs_, CUDA_R_16BF, depth, rows);
    layout(outputs_, args.to_float ? CUDA_R_32F : CUDA_R_16BF, columns, rows);
  }

  cublasLtMatmulDesc_t operation() { return &operation_; }
  cublasLtMatrixLayout_t weights() { return &weights_; }
  cublasLtMatrixLayout_t inputs() { return &inputs_; }
  cublasLtMatrixLayout_t outputs() { return &outputs_; }

private:
  static void layout(cublasLtMatrixLayoutOpaque_t& matrix, cudaDataType_t type, std::uint64_t rows,
                     std::uint64_t columns) {
    lt_check(
        cublasLtMatrixLayoutInit(&matrix, type, rows, columns, static_cast<std::int64_t>(rows)),
        "matrix layout");
  }

  cublasLtMatmulDescOpaque_t operation_{};
  cublasLtMatrixLayoutOpaque_t weights_{}, inputs_{}, outputs_{};
};

GemmKey key_of(const Gemm& args, std::int64_t rows) {
  return {rows, args.columns, args.depth, args.to_float};
}

}  // namespace

CudaGemm::CudaGemm() : workspace_(workspace_bytes) {
  cublasLtHandle_t handle = nullptr;
  lt_check(cublasLtCreate(&handle), "cublasLtCreate");
  handle_.reset(handle);
}

CudaGemm::Candidates CudaGemm::proposals(const Gemm& args, int most) const {
  Description description(args);
  cublasLtMatmulPreferenceOpaque_t preference{};
  lt_check(cublasLtMatmulPreferenceInit(&preference), "preference");
  const auto most_workspace = static_cast<std::uint64_t>(workspace_bytes);
  lt_check(
      cublasLtMatmulPreferenceSetAttribute(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                           &most_workspace, sizeof most_workspace),
      "preference");
  Candidates found(static_cast<std::size_t>(most));
  int count = 0;
  lt_check(cublasLtMatmulAlgoGetHeuristic(handle_.get(), description.operation(),
                                          description.weights(), description.inputs(),
                                          description.outputs(), description.outputs(), &preference,
                                          most, found.data(), &count),
           "cublasLtMatmulAlgoGetHeuristic");
  found.resize(static_cast<std::size_t>(count));
  std::erase_if(found, [](const auto& result) { return result.state != CUBLAS_STATUS_SUCCESS; });
  if (found.empty()) {
    throw kernels::gpu::CudaError("cuBLASLt has no algorithm for a product of " +
                                  std::to_string(args.rows) + " x " + std::to_string(args.depth) +
                                  " x " + std::to_string(args.columns));
  }
  return found;
}

cublasStatus_t CudaGemm::run(const Gemm& args, const cublasLtMatmulAlgo_t& algorithm,
                             cudaStream_t stream) const {
  Description description(args);
  const float one = 1;
  const float zero = 0;
  return cublasLtMatmul(handle_.get(), description.operation(), &one, args.w, description.weights(),
                        args.x, description.inputs(), &zero, args.y, description.outputs(), args.y,
                        description.outputs(), &algorithm, workspace_.data(),
                        static_cast<std::size_t>(workspace_.bytes()), stream);
}

void CudaGemm::multiply(const Gemm& args, cudaStream_t stream) {
  CALVO_EXPECT(args.rows > 0 && args.columns > 0 && args.depth > 0);
  const auto tuned = chosen_.find(key_of(args, row_bucket(args.rows)));
  if (tuned != chosen_.end() && run(args, tuned->second, stream) == CUBLAS_STATUS_SUCCESS) return;
  // What does for a bucket may not do for each of its shapes; the library says so before it starts.
  const GemmKey key = key_of(args, args.rows);
  auto known = exact_.find(key);
  if (known == exact_.end()) {
    known = exact_.emplace(key, proposals(args, 1).front().algo).first;
  }
  lt_check(run(args, known->second, stream), "cublasLtMatmul");
}

std::vector<Seconds> CudaGemm::times(const Gemm& args,
                                     std::span<const kernels::Bf16* const> weights,
                                     const cublasLtMatmulAlgo_t& algorithm,
                                     const CudaStream& stream) const {
  const CudaEvent begin(CudaEvent::Kind::time);
  const CudaEvent end(CudaEvent::Kind::time);
  std::vector<Seconds> result;
  for (int i = 0; i <= timed_repeats; ++i) {
    begin.record(stream);
    for (const kernels::Bf16* w : weights) {
      Gemm one = args;
      one.w = w;
      if (run(one, algorithm, stream.get()) != CUBLAS_STATUS_SUCCESS) return {};
    }
    end.record(stream);
    end.wait();
    if (i > 0) result.push_back(end.since(begin));  // the first loads the kernel
  }
  return result;
}

void CudaGemm::tune(const Gemm& args, std::span<const kernels::Bf16* const> weights,
                    const CudaStream& stream) {
  CALVO_EXPECT(!weights.empty());
  const Candidates found = proposals(args, proposals_tried);
  std::vector<std::vector<Seconds>> measured;
  measured.reserve(found.size());
  for (const auto& candidate : found) {
    measured.push_back(times(args, weights, candidate.algo, stream));
  }
  const std::vector<GemmTimes> candidates(measured.begin(), measured.end());
  if (std::ranges::all_of(candidates, [](GemmTimes each) { return each.empty(); })) return;
  chosen_.insert_or_assign(key_of(args, row_bucket(args.rows)), found[fastest(candidates)].algo);
}

}  // namespace calvo::realrun
