#include "bench/gpu/products.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/gpu/measure.hpp"
#include "core/contract.hpp"

namespace calvo::bench {
namespace {

constexpr int all_proposals = 1024;  // the library has some hundred for a shape
constexpr int short_repeats = 3;
constexpr std::size_t timed_in_full = 4;

}  // namespace

BestProduct best_product(const realrun::CudaGemm& gemm, const realrun::Gemm& args,
                         std::span<const kernels::Bf16* const> weights) {
  const realrun::CudaGemm::Candidates found = gemm.proposals(args, all_proposals);
  const auto product = [&](const cublasLtMatmulAlgo_t& algorithm, int i, cudaStream_t stream) {
    realrun::Gemm one = args;
    one.w = weights[static_cast<std::size_t>(i)];
    return gemm.run(one, algorithm, stream) == CUBLAS_STATUS_SUCCESS;
  };
  const auto seconds = [&](const cublasLtMatmulAlgo_t& algorithm, int repeats) {
    return time_of([&](int i, cudaStream_t stream) { CALVO_ENSURE(product(algorithm, i, stream)); },
                   static_cast<int>(weights.size()), Beside::nothing, repeats)
        .median;
  };
  std::vector<std::pair<double, const cublasLtMatmulAlgo_t*>> ran;
  for (const auto& candidate : found) {
    const bool runs = product(candidate.algo, 0, nullptr);
    kernels::gpu::cuda_check(cudaDeviceSynchronize(), "product");  // they share one work space
    if (runs) ran.emplace_back(seconds(candidate.algo, short_repeats), &candidate.algo);
  }
  CALVO_EXPECT(!ran.empty());
  const std::size_t few = std::min(timed_in_full, ran.size());
  std::ranges::partial_sort(ran, ran.begin() + static_cast<std::ptrdiff_t>(few), {},
                            [](const auto& one) { return one.first; });
  double best = seconds(*ran.front().second, 30);
  for (std::size_t i = 1; i < few; ++i) best = std::min(best, seconds(*ran[i].second, 30));
  return {best, static_cast<int>(ran.size())};
}

const Bound& product_rate() {
  static const Bound rate = [] {
    constexpr std::int64_t n = 8192;
    const DeviceMemory x(2 * n * n), y(2 * n * n), first(2 * n * n), second(2 * n * n);
    const std::vector<const kernels::Bf16*> weights = {first.as<kernels::Bf16>(),
                                                       second.as<kernels::Bf16>()};
    const realrun::Gemm args{x.as<kernels::Bf16>(), nullptr, y.data(), n, n, n, false};
    return Bound{2.0 * n * n * n / best_product(realrun::CudaGemm(), args, weights).seconds,
                 "bound by cuBLASLt, 8192 x 8192"};
  }();
  return rate;
}

}  // namespace calvo::bench
