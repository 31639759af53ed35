#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "kernels/gpu/attention.hpp"
#include "kernels/gpu/batch.hpp"
#include "kernels/gpu/sm_copy.hpp"
#include "realrun/devices/cuda/cuda_gemm.hpp"
#include "realrun/devices/cuda/cuda_resources.hpp"
#include "realrun/devices/cuda/cuda_weights.hpp"
#include "realrun/devices/cuda/memory_plan.hpp"
#include "realrun/devices/cuda/step_plan.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// The decoder of HostTransformer on a GPU: the same weights and pages, activations in bf16, sums
/// in float. One thread at a time.
class CudaTransformer {
public:
  /// `pool` [options.pages + 1][page]: the last page is written by sequences that pad a batch.
  /// `pool` and `options` outlive this. Tunes products for all sizes of step: some seconds.
  CudaTransformer(const DeviceOptions& options, kernels::Bf16* pool, std::int32_t multiprocessors);

  /// Bytes of the GPU's memory beyond device_need().
  static std::int64_t more_bytes(const DeviceOptions& options);

  void step(const StepInput& input, std::span<SequenceResult> results);

  const CudaStream& stream() const { return stream_; }
  /// Parts of steps that were replayed from a captured graph so far.
  std::int64_t graph_steps() const { return graph_steps_; }

private:
  /// A batch as kernels see it.
  struct Launch {
    kernels::gpu::RaggedBatch batch;
    const std::int32_t* tokens = nullptr;
    const std::int32_t* singles = nullptr;
    const std::int32_t* taken = nullptr;
    const kernels::gpu::PrefillTile* tiles = nullptr;
    std::int32_t single_count = 0, tile_count = 0, taken_count = 0;
    kernels::gpu::DecodePlan plan;
  };
  struct DestroyGraph {
    void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
  };
  using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyGraph>;
  using Gate = std::function<void(std::int32_t layer)>;

  void tune();
  void run_part(std::span<const SequenceStep> sequences, std::span<const StepPart> parts,
                const Gate& wait_for_layer, std::span<SequenceResult> results);
  Launch upload(const StepBatch& batch);
  void plan_decodes(Launch& launch, std::span<const std::int32_t> keys);
  void launch_bucket(const DecodeBucket& bucket, const Launch& launch);
  Graph capture(const Launch& launch);
  void launch_all(const Launch& launch, const Gate& wait_for_layer);
  void attention_half(const Launch& launch, std::int32_t layer);
  void attention(const Launch& launch, const kernels::gpu::PagedLayer& kv);
  void ffn_half(const Launch& launch, std::int32_t layer);
  void finish(const Launch& launch);
  void take_results(const StepBatch& batch, std::span<const SequenceStep> sequences,
                    std::span<SequenceResult> results);
  void multiply(std::int64_t input, const kernels::Bf16* w, std::int64_t output, std::int64_t rows,
                std::int64_t columns, std::int64_t depth, bool to_float = false);
  kernels::Bf16* at(std::int64_t offset) const { return work_.at<kernels::Bf16>(offset); }

  const DeviceOptions& options_;
  const models::ModelShape& shape_;
  kernels::Bf16* pool_;
  std::int32_t multiprocessors_;
  StepLimits limits_;
  StepArena arena_;
  std::int64_t q_, kv_;
  CudaStream stream_;
  CudaEvent over_;
  CudaWeights weights_;
  DeviceMemory work_;
  CudaGemm gemm_;
  PinnedMemory batch_host_;  ///< what write_batch() writes
  DeviceMemory batch_device_;
  PinnedMemory batch_pieces_;  ///< of both, for the kernel that copies one to the other
  PinnedMemory best_;          ///< [sequences]: what argmax found
  DeviceMemory splits_;        ///< workspace of decode attention; grows
  std::map<DecodeBucket, Graph> graphs_;
  std::set<DecodeBucket> seen_;
  std::int64_t graph_steps_ = 0;
};

}  // namespace calvo::realrun
