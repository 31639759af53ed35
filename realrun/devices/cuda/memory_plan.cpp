#include "realrun/devices/cuda/memory_plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int64_t alignment = 256;  // what cudaMalloc gives
constexpr std::int64_t most_rows = 8192;
constexpr std::int64_t most_sequences = 256;
constexpr std::int64_t most_pages = 1 << 18;
constexpr std::int64_t bf16 = 2;
constexpr std::int64_t vector_values = 8;  // 16 bytes of bf16
constexpr double gib = 1 << 30;

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

std::int64_t Arena::add(std::int64_t bytes) {
  CALVO_EXPECT(bytes >= 0);
  const std::int64_t begin = bytes_;
  bytes_ = round_up(begin + bytes, alignment);
  return begin;
}

StepLimits step_limits(const DeviceOptions& options) {
  CALVO_EXPECT(options.pages > 0 && options.block_tokens > 0);
  // Sequences write pages of their own, and a sequence has no page twice.
  return {static_cast<std::int32_t>(std::min(most_rows, options.pages * options.block_tokens)),
          static_cast<std::int32_t>(std::min(most_sequences, options.pages)),
          static_cast<std::int32_t>(std::max(most_pages, options.pages))};
}

std::int64_t query_values(const models::ModelShape& shape) {
  return std::int64_t{shape.q_heads} * shape.head_dim;
}

std::int64_t kv_values(const models::ModelShape& shape) {
  return std::int64_t{shape.kv_heads} * shape.head_dim;
}

std::int64_t logits_stride(const models::ModelShape& shape) {
  return round_up(shape.vocab, vector_values);
}

StepArena step_arena(const models::ModelShape& shape, const StepLimits& limits) {
  const std::int64_t rows = limits.rows;
  const std::int64_t q = query_values(shape);
  Arena arena;
  StepArena step;
  step.residual = arena.add(bf16 * rows * shape.hidden);
  step.norm = arena.add(bf16 * rows * shape.hidden);
  step.delta = arena.add(bf16 * rows * shape.hidden);
  step.qkv = arena.add(bf16 * rows * (q + 2 * kv_values(shape)));
  step.mixed = arena.add(bf16 * rows * q);
  step.gate_up = arena.add(bf16 * rows * 2 * shape.dense_ffn);
  step.inner = arena.add(bf16 * rows * shape.dense_ffn);
  step.rope = arena.add(std::int64_t{sizeof(float)} * rows * shape.head_dim);
  step.logits = arena.add(std::int64_t{sizeof(float)} * limits.sequences * logits_stride(shape));
  step.bytes = arena.bytes();
  return step;
}

std::int64_t gpu_weight_bytes(const models::ModelShape& shape) {
  const std::int64_t hidden = shape.hidden;
  const std::int64_t q = query_values(shape);
  const std::int64_t norm = std::int64_t{sizeof(float)} * hidden;
  Arena layer;
  layer.add(norm);
  layer.add(bf16 * hidden * (q + 2 * kv_values(shape)));
  layer.add(bf16 * q * hidden);
  layer.add(norm);
  layer.add(bf16 * hidden * 2 * shape.dense_ffn);
  layer.add(bf16 * shape.dense_ffn * hidden);
  Arena whole;
  whole.add(bf16 * hidden * shape.vocab);
  whole.add(norm);
  whole.add(bf16 * hidden * logits_stride(shape));
  whole.add(shape.layers * layer.bytes());
  return whole.bytes();
}

DeviceNeed device_need(const DeviceOptions& options) {
  return {gpu_weight_bytes(options.shape), (options.pages + 1) * page_bytes(options),
          step_arena(options.shape, step_limits(options)).bytes};
}

std::string memory_problem(const DeviceNeed& need, std::int64_t free, const std::string& gpu) {
  if (need.bytes() <= free) return "";
  const auto size = [](std::int64_t bytes) { return static_cast<double>(bytes) / gib; };
  return fmt::format(
      "{:.1f} GiB of weights, {:.1f} GiB of pages and {:.1f} GiB of work space do not fit into the "
      "{:.1f} GiB that are free on {}; take a smaller model (or fewer layers of it: model: {{base: "
      "NAME, layers: N}}), less memory.gpu, or end what else runs there",
      size(need.weights), size(need.pages), size(need.working), size(free), gpu);
}

std::string shape_problem(const models::ModelShape& shape) {
  const auto no = [&](const std::string& problem) {
    return fmt::format(
        "\"{}\" {}; choose a dense model with grouped-query attention and heads of "
        "64 or 128, for example Llama-3.1-8B",
        shape.name, problem);
  };
  if (shape.mla_kv_lora > 0) return no("has multi-head latent attention");
  if (shape.experts > 0) return no("is a mixture of experts");
  if (shape.window_layers > 0) return no("has sliding windows");
  if (shape.bytes_per_value != 2) return no("does not keep KV in bf16");
  if (shape.dense_layers != shape.layers || shape.dense_ffn <= 0) {
    return no("has layers without a dense FFN");
  }
  if (shape.kv_heads <= 0 || shape.q_heads % shape.kv_heads != 0) {
    return no("has query heads that are no multiple of its KV heads");
  }
  if (shape.head_dim != 64 && shape.head_dim != 128) {
    return no(fmt::format("has heads of {}", shape.head_dim));
  }
  if (shape.hidden % vector_values != 0 || shape.dense_ffn % vector_values != 0) {
    return no("has a width that is no multiple of 8");
  }
  return "";
}

std::string option_problem(const DeviceOptions& options) {
  if (options.copy_pace || options.pace_step > Seconds{0} || options.pace_token > Seconds{0} ||
      options.pace_context > Seconds{0} || !options.arithmetic) {
    return "a GPU copies and computes as fast as it does; take --copy-pace, --pace-step, "
           "--pace-token, --pace-context and --no-arithmetic out, they are for device host";
  }
  return "";
}

}  // namespace calvo::realrun
