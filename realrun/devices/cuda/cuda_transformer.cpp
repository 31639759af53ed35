#include "realrun/devices/cuda/cuda_transformer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <nvtx3/nvtx3.hpp>

#include "core/contract.hpp"
#include "kernels/gpu/elementwise.hpp"
#include "kernels/gpu/rope.hpp"
#include "kernels/gpu/weight_fill.hpp"

namespace calvo::realrun {
namespace {

using kernels::Bf16;

constexpr double rope_base = 10000;         // as in HostTransformer
constexpr std::int64_t piece_bytes = 4096;  // of a batch on its way to the GPU
constexpr std::int32_t upload_blocks = 16;
constexpr std::size_t most_graphs = 128;
constexpr std::size_t tuned_layers = 4;
constexpr std::int64_t first_splits = 64 << 20;  // bytes; seldom more

std::int64_t batch_bytes(const StepLimits& limits) {
  const std::int64_t bytes = 4 * largest_batch(limits);
  return (bytes + piece_bytes - 1) / piece_bytes * piece_bytes;
}

}  // namespace

std::int64_t CudaTransformer::more_bytes(const DeviceOptions& options) {
  return CudaGemm::workspace_bytes + batch_bytes(step_limits(options)) + first_splits;
}

CudaTransformer::CudaTransformer(const DeviceOptions& options, Bf16* pool,
                                 std::int32_t multiprocessors)
    : options_(options),
      shape_(options.shape),
      pool_(pool),
      multiprocessors_(multiprocessors),
      limits_(step_limits(options)),
      arena_(step_arena(options.shape, limits_)),
      q_(query_values(options.shape)),
      kv_(kv_values(options.shape)),
      weights_(options.shape, options.seed, stream_),
      work_(arena_.bytes),
      batch_host_(batch_bytes(limits_)),
      batch_device_(batch_bytes(limits_)),
      batch_pieces_(batch_bytes(limits_) / piece_bytes *
                    std::int64_t{sizeof(kernels::gpu::CopyPiece)}),
      best_(std::int64_t{4} * limits_.sequences),
      splits_(first_splits) {
  std::int64_t offset = 0;
  for (kernels::gpu::CopyPiece& piece : batch_pieces_.as<kernels::gpu::CopyPiece>()) {
    piece = {batch_host_.as<std::byte>().data() + offset, batch_device_.data() + offset};
    offset += piece_bytes;
  }
  tune();
}

/// Each product at each bucket of rows, on numbers like those of a step.
void CudaTransformer::tune() {
  const nvtx3::scoped_range range("tune products");
  const auto fill = [&](std::int64_t offset, std::int64_t rows, std::int64_t width) {
    kernels::gpu::fill_matrix({.fill = {options_.seed, kernels::WeightTensor{0}, 1},
                               .out = at(offset),
                               .rows = rows,
                               .columns = width,
                               .row_stride = width,
                               .column_stride = 1},
                              stream_.get());
  };
  fill(arena_.norm, limits_.rows, shape_.hidden);
  fill(arena_.mixed, limits_.rows, q_);
  fill(arena_.inner, limits_.rows, shape_.dense_ffn);
  const auto tune_one = [&](std::int64_t input, std::int64_t output, std::int64_t rows,
                            std::int64_t columns, std::int64_t depth,
                            const Bf16* CudaLayerWeights::*matrix) {
    std::vector<const Bf16*> some;
    for (std::size_t l = 0; l < std::min(tuned_layers, weights_.layers.size()); ++l) {
      some.push_back(weights_.layers[l].*matrix);
    }
    gemm_.tune({at(input), nullptr, at(output), rows, columns, depth, false}, some, stream_);
  };
  std::int64_t tuned_head = 0;
  for (std::int64_t bucket = 1;; bucket = row_bucket(bucket + 1)) {
    const std::int64_t rows = std::min<std::int64_t>(bucket, limits_.rows);
    tune_one(arena_.norm, arena_.qkv, rows, q_ + 2 * kv_, shape_.hidden, &CudaLayerWeights::qkv);
    tune_one(arena_.mixed, arena_.delta, rows, shape_.hidden, q_, &CudaLayerWeights::output);
    tune_one(arena_.norm, arena_.gate_up, rows, 2 * shape_.dense_ffn, shape_.hidden,
             &CudaLayerWeights::gate_up);
    tune_one(arena_.inner, arena_.delta, rows, shape_.hidden, shape_.dense_ffn,
             &CudaLayerWeights::down);
    const std::int64_t results = std::min<std::int64_t>(rows, limits_.sequences);
    if (results > tuned_head) {
      gemm_.tune({at(arena_.norm), nullptr, at(arena_.logits), results, logits_stride(shape_),
                  shape_.hidden, true},
                 {&weights_.head, 1}, stream_);
      tuned_head = results;
    }
    if (bucket >= limits_.rows) break;
  }
}

void CudaTransformer::step(const StepInput& input, std::span<SequenceResult> results) {
  const nvtx3::scoped_range range("step");
  bool first = true;
  for (const auto& parts : split_step(input.sequences, limits_, options_.block_tokens)) {
    // After the first part the KV of every layer has landed.
    run_part(input.sequences, parts, first ? input.wait_for_layer : Gate{}, results);
    first = false;
  }
}

void CudaTransformer::run_part(std::span<const SequenceStep> sequences,
                               std::span<const StepPart> parts, const Gate& wait_for_layer,
                               std::span<SequenceResult> results) {
  const std::int32_t group = shape_.q_heads / shape_.kv_heads;
  StepBatch batch = step_batch(sequences, parts, options_.block_tokens, group);
  const auto bucket = options_.graphs && !wait_for_layer ? decode_bucket(batch, limits_)
                                                         : std::optional<DecodeBucket>{};
  if (bucket) pad(batch, *bucket, static_cast<std::int32_t>(options_.pages));
  Launch launch = upload(batch);
  if (bucket) {
    plan_decodes(launch, std::vector<std::int32_t>(batch.singles.size(), bucket->keys));
    launch_bucket(*bucket, launch);
  } else {
    if (launch.single_count > 0) plan_decodes(launch, batch.single_keys);
    launch_all(launch, wait_for_layer);
  }
  take_results(batch, sequences, results);
}

/// Not by the copy engine: there it would queue behind KV.
CudaTransformer::Launch CudaTransformer::upload(const StepBatch& batch) {
  const BatchLayout layout = batch_layout(batch);
  write_batch(batch, layout, batch_host_.as<std::int32_t>());
  kernels::gpu::sm_copy({.pieces = batch_pieces_.as<kernels::gpu::CopyPiece>().data(),
                         .count = (4 * layout.size + piece_bytes - 1) / piece_bytes,
                         .size = Bytes{piece_bytes},
                         .thread_blocks = upload_blocks},
                        stream_.get());
  const auto numbers = [&](std::int64_t offset) {
    return batch_device_.at<const std::int32_t>(4 * offset);
  };
  return {.batch = {.sequences = batch.sequences(),
                    .rows = batch.rows(),
                    .row_begin = numbers(layout.row_begin),
                    .row_sequence = numbers(layout.row_sequence),
                    .first = numbers(layout.first),
                    .page_begin = numbers(layout.page_begin),
                    .pages = numbers(layout.pages)},
          .tokens = numbers(layout.tokens),
          .singles = numbers(layout.singles),
          .taken = numbers(layout.taken),
          .tiles = batch_device_.at<const kernels::gpu::PrefillTile>(4 * layout.tiles),
          .single_count = static_cast<std::int32_t>(batch.singles.size()),
          .tile_count = static_cast<std::int32_t>(batch.tiles.size()),
          .taken_count = static_cast<std::int32_t>(batch.taken.size()),
          .plan = {}};
}

void CudaTransformer::plan_decodes(Launch& launch, std::span<const std::int32_t> keys) {
  launch.plan = kernels::gpu::decode_plan(keys, shape_.q_heads, shape_.kv_heads, shape_.head_dim,
                                          multiprocessors_);
  if (launch.plan.workspace_bytes <= splits_.bytes()) return;
  graphs_.clear();  // they have its address in them
  splits_ = DeviceMemory();
  splits_ = DeviceMemory(launch.plan.workspace_bytes);
}

/// The first batch of a bucket loads its kernels, the second is captured; it and all others replay
/// that.
void CudaTransformer::launch_bucket(const DecodeBucket& bucket, const Launch& launch) {
  auto known = graphs_.find(bucket);
  if (known == graphs_.end()) {
    if (seen_.insert(bucket).second || graphs_.size() >= most_graphs) {
      return launch_all(launch, {});
    }
    known = graphs_.emplace(bucket, capture(launch)).first;
  }
  cuda_check(cudaGraphLaunch(known->second.get(), stream_.get()), "cudaGraphLaunch");
  ++graph_steps_;
}

CudaTransformer::Graph CudaTransformer::capture(const Launch& launch) {
  const nvtx3::scoped_range range("capture");
  // Other threads go on with calls of their own, which must not end the capture.
  cuda_check(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal),
             "cudaStreamBeginCapture");
  cudaGraph_t graph = nullptr;
  try {
    launch_all(launch, {});
  } catch (...) {
    cudaStreamEndCapture(stream_.get(), &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  cuda_check(cudaStreamEndCapture(stream_.get(), &graph), "cudaStreamEndCapture");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  cuda_check(status, "cudaGraphInstantiate");
  return Graph(executable);
}

void CudaTransformer::launch_all(const Launch& launch, const Gate& wait_for_layer) {
  kernels::gpu::embedding({.table = weights_.embedding,
                           .tokens = launch.tokens,
                           .out = at(arena_.residual),
                           .rows = launch.batch.rows,
                           .width = shape_.hidden},
                          stream_.get());
  kernels::gpu::rope_table({.batch = launch.batch,
                            .table = work_.at<float>(arena_.rope),
                            .head_dim = shape_.head_dim,
                            .base = rope_base},
                           stream_.get());
  for (std::int32_t layer = 0; layer < shape_.layers; ++layer) {
    const nvtx3::scoped_range range("layer");
    if (wait_for_layer) wait_for_layer(layer);  // earlier layers are computed meanwhile
    attention_half(launch, layer);
    ffn_half(launch, layer);
  }
  if (launch.taken_count > 0) finish(launch);
}

void CudaTransformer::multiply(std::int64_t input, const Bf16* w, std::int64_t output,
                               std::int64_t rows, std::int64_t columns, std::int64_t depth,
                               bool to_float) {
  gemm_.multiply({at(input), w, at(output), rows, columns, depth, to_float}, stream_.get());
}

void CudaTransformer::attention_half(const Launch& launch, std::int32_t layer) {
  const CudaLayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t rows = launch.batch.rows;
  const bool first = layer == 0;  // there is nothing to add yet
  kernels::gpu::rms_norm({.x = at(first ? arena_.residual : arena_.delta),
                          .residual = first ? nullptr : at(arena_.residual),
                          .weight = weights.attention_norm,
                          .take = nullptr,
                          .y = at(arena_.norm),
                          .rows = rows,
                          .width = shape_.hidden},
                         stream_.get());
  multiply(arena_.norm, weights.qkv, arena_.qkv, rows, q_ + 2 * kv_, shape_.hidden);
  const kernels::gpu::PagedLayer kv{
      pool_, {shape_.layers, options_.block_tokens, shape_.kv_heads, shape_.head_dim}, layer};
  kernels::gpu::rope_kv_write({.qkv = at(arena_.qkv),
                               .stride = q_ + 2 * kv_,
                               .table = work_.at<float>(arena_.rope),
                               .batch = launch.batch,
                               .q_heads = shape_.q_heads,
                               .kv = kv},
                              stream_.get());
  attention(launch, kv);
  multiply(arena_.mixed, weights.output, arena_.delta, rows, shape_.hidden, q_);
}

void CudaTransformer::attention(const Launch& launch, const kernels::gpu::PagedLayer& kv) {
  const float scale = 1 / std::sqrt(static_cast<float>(shape_.head_dim));
  if (launch.tile_count > 0) {
    kernels::gpu::prefill_attention({.q = at(arena_.qkv),
                                     .q_stride = q_ + 2 * kv_,
                                     .out = at(arena_.mixed),
                                     .out_stride = q_,
                                     .lse = nullptr,
                                     .batch = launch.batch,
                                     .tiles = launch.tiles,
                                     .tile_count = launch.tile_count,
                                     .keys_begin = nullptr,
                                     .keys_end = nullptr,
                                     .q_heads = shape_.q_heads,
                                     .scale = scale,
                                     .kv = kv},
                                    stream_.get());
  }
  if (launch.single_count > 0) {
    kernels::gpu::decode_attention({.q = at(arena_.qkv),
                                    .q_stride = q_ + 2 * kv_,
                                    .out = at(arena_.mixed),
                                    .out_stride = q_,
                                    .lse = nullptr,
                                    .batch = launch.batch,
                                    .members = launch.singles,
                                    .count = launch.single_count,
                                    .plan = launch.plan,
                                    .workspace = splits_.at<float>(0),
                                    .q_heads = shape_.q_heads,
                                    .scale = scale,
                                    .kv = kv},
                                   stream_.get());
  }
}

void CudaTransformer::ffn_half(const Launch& launch, std::int32_t layer) {
  const CudaLayerWeights& weights = weights_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t rows = launch.batch.rows;
  const std::int64_t ffn = shape_.dense_ffn;
  kernels::gpu::rms_norm({.x = at(arena_.delta),
                          .residual = at(arena_.residual),
                          .weight = weights.ffn_norm,
                          .take = nullptr,
                          .y = at(arena_.norm),
                          .rows = rows,
                          .width = shape_.hidden},
                         stream_.get());
  multiply(arena_.norm, weights.gate_up, arena_.gate_up, rows, 2 * ffn, shape_.hidden);
  kernels::gpu::swiglu(
      {.gate_up = at(arena_.gate_up), .out = at(arena_.inner), .rows = rows, .width = ffn},
      stream_.get());
  multiply(arena_.inner, weights.down, arena_.delta, rows, shape_.hidden, ffn);
}

void CudaTransformer::finish(const Launch& launch) {
  kernels::gpu::rms_norm({.x = at(arena_.delta),
                          .residual = at(arena_.residual),
                          .weight = weights_.final_norm,
                          .take = launch.taken,
                          .y = at(arena_.norm),
                          .rows = launch.taken_count,
                          .width = shape_.hidden},
                         stream_.get());
  multiply(arena_.norm, weights_.head, arena_.logits, launch.taken_count, logits_stride(shape_),
           shape_.hidden, true);
  kernels::gpu::argmax({.values = work_.at<float>(arena_.logits),
                        .stride = logits_stride(shape_),
                        .best = best_.as<std::int32_t>().data(),
                        .rows = launch.taken_count,
                        .width = shape_.vocab},
                       stream_.get());
}

void CudaTransformer::take_results(const StepBatch& batch, std::span<const SequenceStep> sequences,
                                   std::span<SequenceResult> results) {
  for (std::size_t i = 0; i < batch.results.size(); ++i) {
    const std::size_t sequence = batch.results[i];
    if (!sequences[sequence].wants_logits) continue;
    std::vector<float>& logits = results[sequence].logits;
    logits.resize(static_cast<std::size_t>(shape_.vocab));
    const float* row =
        work_.at<float>(arena_.logits) + static_cast<std::int64_t>(i) * logits_stride(shape_);
    cuda_check(cudaMemcpyAsync(logits.data(), row, logits.size() * sizeof(float),
                               cudaMemcpyDeviceToHost, stream_.get()),
               "cudaMemcpyAsync");
  }
  over_.record(stream_);
  over_.wait();
  for (std::size_t i = 0; i < batch.results.size(); ++i) {
    results[batch.results[i]].next_token = best_.as<std::int32_t>()[i];
  }
}

}  // namespace calvo::realrun
