#include "models/table_compute_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/contract.hpp"

namespace calvo::models {

namespace {

constexpr std::int64_t longest_leap = std::int64_t{1} << 40;

double prompt_part(const AttentionPart& attention, double new_tokens, double context, double work) {
  double seconds = attention.context.at(1, work);
  if (context <= 0) return seconds;
  if (attention.expand > 0) {
    const double alone = attention.context.at(1, new_tokens * new_tokens / 2);
    seconds = std::min(seconds + attention.expand * context,
                       alone + attention.absorbed * new_tokens * context);
  }
  return std::max(seconds, attention.decode.at(1, context));
}

double prompt_parts(const AttentionPart& attention, std::span<const PrefillPart> parts) {
  double seconds = 0;
  double work = 0;
  double count = 0;
  for (const PrefillPart& part : parts) {
    if (part.new_tokens.count() == 0) continue;
    const auto new_tokens = static_cast<double>(part.new_tokens.count());
    const auto context = static_cast<double>(part.context.count());
    const double own = query_key_pairs(context + new_tokens, attention.window) -
                       query_key_pairs(context, attention.window);
    seconds += prompt_part(attention, new_tokens, context, own);
    work += own;
    count += 1;
  }
  if (count > 1) {
    const double one = attention.context.at(1, work / count);
    if (one > 0) seconds *= attention.context.at(count, work / count) / (count * one);
  }
  return seconds;
}

}  // namespace

TableComputeModel::TableComputeModel(StepParts parts, double overhead, std::int32_t layers)
    : parts_(std::move(parts)), layers_(layers) {
  CALVO_EXPECT(overhead > 0 && layers >= 1);
  parts_.per_token = parts_.per_token.scaled(overhead);
  parts_.per_sequence = parts_.per_sequence.scaled(overhead);
  for (AttentionPart& attention : parts_.attention) {
    attention.context = attention.context.scaled(overhead);
    attention.decode = attention.decode.scaled(overhead);
    attention.expand *= overhead;
    attention.absorbed *= overhead;
  }
}

StepTime TableComputeModel::step(const StepShape& shape) const {
  std::int64_t tokens = shape.decodes;
  std::int64_t sequences = shape.decodes;
  for (const PrefillPart& part : shape.prefills) {
    CALVO_EXPECT(part.new_tokens.count() >= 0 && part.context.count() >= 0);
    tokens += part.new_tokens.count();
    sequences += part.new_tokens.count() > 0 ? 1 : 0;
  }
  CALVO_EXPECT(tokens > 0 && shape.decodes >= 0 && shape.decode_context.count() >= 0);

  double seconds = parts_.per_token.at(static_cast<double>(tokens)) +
                   parts_.per_sequence.at(static_cast<double>(sequences));
  const bool prompts = sequences > shape.decodes;
  if (prompts) {
    for (const AttentionPart& attention : parts_.attention) {
      seconds += prompt_parts(attention, shape.prefills);
    }
  }
  if (shape.decodes == 0) return {Seconds{seconds}, Seconds{0}, 1};

  // Each iteration adds one token to every sequence: the mean grows by one.
  const auto batch = static_cast<double>(shape.decodes);
  const double mean = static_cast<double>(shape.decode_context.count()) / batch;
  double growth = 0;
  double leap = static_cast<double>(longest_leap);
  for (const AttentionPart& attention : parts_.attention) {
    const Piece piece = attention.decode.piece(batch, mean);
    seconds += piece.value;
    growth += piece.slope;
    leap = std::min(leap, std::floor(piece.end - mean) + 1);
  }
  if (prompts) return {Seconds{seconds}, Seconds{growth}, 1};
  return {Seconds{seconds}, Seconds{growth},
          std::max<std::int64_t>(1, static_cast<std::int64_t>(leap))};
}

std::optional<std::string> split_problem(const ModelShape& shape, std::int32_t tensor_parallel) {
  if (tensor_parallel < 1) {
    return fmt::format("\"{}\" is out of range (must be at least 1)", tensor_parallel);
  }
  if (shape.q_heads % tensor_parallel != 0) {
    return fmt::format("\"{}\" does not divide the {} attention heads of {}", tensor_parallel,
                       shape.q_heads, shape.name);
  }
  const std::int32_t kv_heads = shape.mla_kv_lora > 0 ? tensor_parallel : shape.kv_heads;
  if (kv_heads % tensor_parallel != 0 && tensor_parallel % kv_heads != 0) {
    return fmt::format("\"{}\" neither divides the {} KV heads of {} nor is a multiple of them",
                       tensor_parallel, shape.kv_heads, shape.name);
  }
  return std::nullopt;
}

std::shared_ptr<const TableComputeModel> make_compute_model(const ModelShape& shape,
                                                            const GpuSpec& gpu,
                                                            std::int32_t tensor_parallel,
                                                            const std::string& table_directory) {
  CALVO_EXPECT(!split_problem(shape, tensor_parallel));
  std::optional<KernelTables> tables;
  if (!gpu.kernel_tables.empty()) tables = KernelTables::load(table_directory, gpu.kernel_tables);
  return std::make_shared<TableComputeModel>(
      make_step_parts(shape, gpu, tensor_parallel, tables ? &*tables : nullptr),
      gpu.compute_overhead, shape.layers);
}

}  // namespace calvo::models
