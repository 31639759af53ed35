// How models/step_parts.hpp puts a step together. Not for other folders.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "models/roofline.hpp"
#include "models/step_parts.hpp"

namespace calvo::models {

/// Adds up the parts of one model on one GPU of a group; used once. Attention with key and value
/// heads is in attention_parts.cpp, multi-head latent attention in mla_parts.cpp.
class PartsBuilder {
public:
  PartsBuilder(const ModelShape& shape, const GpuSpec& gpu, std::int32_t parallel,
               const KernelTables* tables)
      : shape_(shape), gpu_(gpu), parallel_(parallel), tables_(tables) {}

  StepParts build();

private:
  using Length = std::function<double(double)>;

  void note(std::string part, std::string source) {
    parts_.sources.push_back({std::move(part), std::move(source)});
  }
  void add_tokens(double times, const Curve& curve) {
    parts_.per_token = parts_.per_token + curve.scaled(times);
  }
  std::int32_t local_kv_heads() const { return std::max(1, shape_.kv_heads / parallel_); }
  double value_bytes() const { return shape_.bytes_per_value; }

  Curve gemm(std::int64_t n, std::int64_t k) const;
  Curve feed_forward(std::int64_t width) const;
  Curve experts();
  Curve all_reduce();

  /// Rows of `table` with the key prefix `key`, by the batch that follows it; `x_of` turns the
  /// table's lengths into the surface's x.
  static std::vector<SurfaceRow> rows_of(const WideTable& table, std::span<const std::int64_t> key,
                                         const Length& x_of, double scale);
  /// The measured heads that are nearest to ours, or nothing.
  std::vector<std::int64_t> nearest_heads(const WideTable& table, double window) const;
  void add_heads(std::int32_t layers, double window);
  void roofline_attention(AttentionPart& part, double layers, double context_pair_flops,
                          double decode_pair_flops, double token_bytes) const;

  bool has_mla_tables() const;
  void add_mla();
  void add_roofline_mla(AttentionPart& part, double heads, double latent, double absorbed_flops);
  void add_table_mla(AttentionPart& part, std::vector<SurfaceRow> decode,
                     std::vector<SurfaceRow> context);

  const ModelShape& shape_;
  const GpuSpec& gpu_;
  std::int32_t parallel_;
  const KernelTables* tables_;
  RooflineEfficiency reach_;
  StepParts parts_;
};

/// From `from` to `to` by doubling.
std::vector<double> powers_of_two(double from, double to);
/// `f` at each x, going on at the last one's rate.
Curve sampled(const std::vector<double>& x, const std::function<double(double)>& f);

}  // namespace calvo::models
