#include "models/step_parts.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/contract.hpp"
#include "models/parts_builder.hpp"

namespace calvo::models {

namespace {

// NVLink of HGX boards, one direction; used only where there is no all-reduce table.
constexpr double nvlink_bytes_per_second = 450e9;

}  // namespace

std::vector<double> powers_of_two(double from, double to) {
  std::vector<double> values;
  const int doublings = static_cast<int>(std::floor(std::log2(to / from)));
  for (int i = 0; i <= doublings; ++i) values.push_back(std::ldexp(from, i));
  return values;
}

Curve sampled(const std::vector<double>& x, const std::function<double(double)>& f) {
  std::vector<double> y(x.size());
  std::ranges::transform(x, y.begin(), f);
  return Curve::at_constant_rate(x, std::move(y));
}

StepParts PartsBuilder::build() {
  const double layers = shape_.layers;
  if (shape_.mla_kv_lora > 0) {
    add_mla();
  } else {
    const std::int64_t q = std::int64_t{shape_.q_heads / parallel_} * shape_.head_dim;
    const std::int64_t kv = std::int64_t{local_kv_heads()} * shape_.head_dim;
    add_tokens(layers, gemm(q + 2 * kv, shape_.hidden) + gemm(shape_.hidden, q));
    add_heads(shape_.layers - shape_.window_layers, 0);
    if (shape_.window_layers > 0) add_heads(shape_.window_layers, shape_.window);
  }
  if (shape_.dense_layers > 0) add_tokens(shape_.dense_layers, feed_forward(shape_.dense_ffn));
  if (shape_.experts > 0) {
    const double expert_layers = shape_.layers - shape_.dense_layers;
    add_tokens(expert_layers, experts());
    if (shape_.shared_experts > 0) {
      add_tokens(expert_layers, feed_forward(std::int64_t{shape_.shared_experts} * shape_.moe_ffn));
    }
  }
  if (parallel_ > 1) add_tokens(2 * layers, all_reduce().stretched(shape_.hidden));
  parts_.per_sequence = gemm(shape_.vocab / parallel_, shape_.hidden);
  note("gemm", tables_ ? "tables" : "roofline");
  return std::move(parts_);
}

Curve PartsBuilder::gemm(std::int64_t n, std::int64_t k) const {
  if (tables_) return gemm_curve(tables_->gemm, n, k);
  const auto dn = static_cast<double>(n);
  const auto dk = static_cast<double>(k);
  return sampled(powers_of_two(1, 32768), [&](double m) {
    return roofline_seconds(gpu_, 2 * m * dn * dk, (dn * dk + m * dn + m * dk) * value_bytes(),
                            reach_.gemm);
  });
}

Curve PartsBuilder::feed_forward(std::int64_t width) const {
  const std::int64_t local = std::max<std::int64_t>(1, width / parallel_);
  return gemm(2 * local, shape_.hidden) + gemm(shape_.hidden, local);
}

Curve PartsBuilder::experts() {
  const std::vector<std::int64_t> key = {shape_.hidden, shape_.moe_ffn, shape_.top_k,
                                         shape_.experts, parallel_};
  if (tables_) {
    const auto found = std::ranges::find(tables_->moe.rows, key, &WideTable::Row::key);
    if (found != tables_->moe.rows.end()) {
      note("experts", "tables");
      return Curve::at_constant_rate(found->x, found->seconds);
    }
  }
  note("experts", "roofline");
  const double weights = 3.0 * shape_.hidden * shape_.moe_ffn / parallel_;
  return sampled(powers_of_two(1, 32768), [&](double m) {
    const double share = static_cast<double>(shape_.top_k) / shape_.experts;
    const double active = shape_.experts * (1 - std::pow(1 - share, m));
    return roofline_seconds(gpu_, 2 * m * shape_.top_k * weights, active * weights * value_bytes(),
                            reach_.gemm);
  });
}

Curve PartsBuilder::all_reduce() {
  if (tables_ && !tables_->allreduce.rows.empty()) {
    const auto distance = [&](const WideTable::Row& row) {
      return std::abs(std::log(static_cast<double>(row.key[0]) / parallel_));
    };
    const auto row = std::ranges::min_element(tables_->allreduce.rows, {}, distance);
    note("all-reduce", row->key[0] == parallel_
                           ? std::string("tables")
                           : fmt::format("nearest table ({} GPUs)", row->key[0]));
    return Curve::at_constant_rate(row->x, row->seconds);
  }
  note("all-reduce", "roofline");
  const double share = 2.0 * (parallel_ - 1) / parallel_;
  return sampled(powers_of_two(128, 1LL << 29), [&](double elements) {
    return reach_.floor_seconds + share * elements * 2 / (reach_.memory * nvlink_bytes_per_second);
  });
}

StepParts make_step_parts(const ModelShape& shape, const GpuSpec& gpu, std::int32_t tensor_parallel,
                          const KernelTables* tables) {
  CALVO_EXPECT(tensor_parallel >= 1 && shape.q_heads % tensor_parallel == 0);
  return PartsBuilder(shape, gpu, tensor_parallel, tables).build();
}

}  // namespace calvo::models
