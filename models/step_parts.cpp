#include "models/step_parts.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string_view>

#include <Eigen/Dense>
#include <fmt/format.h>

#include "core/contract.hpp"
#include "models/roofline.hpp"

namespace calvo::models {

namespace {

// NVLink of HGX boards, one direction; used only where there is no all-reduce table.
constexpr double nvlink_bytes_per_second = 450e9;

std::vector<double> powers_of_two(double from, double to) {
  std::vector<double> values;
  for (double value = from; value <= to; value *= 2) values.push_back(value);
  return values;
}

Curve sampled(const std::vector<double>& x, const std::function<double(double)>& f) {
  std::vector<double> y(x.size());
  std::ranges::transform(x, y.begin(), f);
  return Curve::at_constant_rate(x, std::move(y));
}

class PartsBuilder {
public:
  PartsBuilder(const ModelShape& shape, const GpuSpec& gpu, std::int32_t parallel,
               const KernelTables* tables)
      : shape_(shape), gpu_(gpu), parallel_(parallel), tables_(tables) {}

  StepParts build() {
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
        add_tokens(expert_layers,
                   feed_forward(std::int64_t{shape_.shared_experts} * shape_.moe_ffn));
      }
    }
    if (parallel_ > 1) add_tokens(2 * layers, all_reduce().stretched(shape_.hidden));
    parts_.per_sequence = gemm(shape_.vocab / parallel_, shape_.hidden);
    note("gemm", tables_ ? "tables" : "roofline");
    return std::move(parts_);
  }

private:
  void note(std::string part, std::string source) {
    parts_.sources.push_back({std::move(part), std::move(source)});
  }
  void add_tokens(double times, const Curve& curve) {
    parts_.per_token = parts_.per_token + curve.scaled(times);
  }
  std::int32_t local_kv_heads() const { return std::max(1, shape_.kv_heads / parallel_); }
  double value_bytes() const { return shape_.bytes_per_value; }

  Curve gemm(std::int64_t n, std::int64_t k) const {
    if (tables_) return gemm_curve(tables_->gemm, n, k);
    const auto dn = static_cast<double>(n);
    const auto dk = static_cast<double>(k);
    return sampled(powers_of_two(1, 32768), [&](double m) {
      return roofline_seconds(gpu_, 2 * m * dn * dk, (dn * dk + m * dn + m * dk) * value_bytes(),
                              reach_.gemm);
    });
  }

  Curve feed_forward(std::int64_t width) const {
    const std::int64_t local = std::max<std::int64_t>(1, width / parallel_);
    return gemm(2 * local, shape_.hidden) + gemm(shape_.hidden, local);
  }

  Curve experts() {
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
      return roofline_seconds(gpu_, 2 * m * shape_.top_k * weights,
                              active * weights * value_bytes(), reach_.gemm);
    });
  }

  Curve all_reduce() {
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
      return reach_.floor_seconds +
             share * elements * 2 / (reach_.memory * nvlink_bytes_per_second);
    });
  }

  // Rows of `table` with the key prefix `key`, by the batch that follows it.
  static std::vector<SurfaceRow> rows_of(const WideTable& table, std::span<const std::int64_t> key,
                                         const std::function<double(double)>& x_of, double scale) {
    std::map<std::int64_t, SurfaceRow> by_batch;
    for (const WideTable::Row& row : table.rows) {
      if (!std::ranges::equal(key, std::span(row.key).first(key.size()))) continue;
      std::vector<double> x(row.x.size());
      std::ranges::transform(row.x, x.begin(), x_of);
      const std::int64_t batch = row.key[key.size()];
      by_batch[batch] = {static_cast<double>(batch),
                         Curve::at_constant_rate(std::move(x), row.seconds).scaled(scale)};
    }
    std::vector<SurfaceRow> rows;
    for (auto& [batch, row] : by_batch) rows.push_back(std::move(row));
    return rows;
  }

  // The measured heads that are nearest to ours, or nothing.
  std::vector<std::int64_t> nearest_heads(const WideTable& table, double window) const {
    std::vector<std::int64_t> best;
    double least = std::numeric_limits<double>::infinity();
    for (const WideTable::Row& row : table.rows) {
      if (row.key[2] != shape_.head_dim || static_cast<double>(row.key[3]) != window) continue;
      const double q = static_cast<double>(row.key[0]) * parallel_ / shape_.q_heads;
      const double kv = static_cast<double>(row.key[1]) / local_kv_heads();
      const double distance = std::abs(std::log(q)) + 2 * std::abs(std::log(kv));
      if (distance < least) {
        least = distance;
        best.assign(row.key.begin(), row.key.begin() + 4);
      }
    }
    return best;
  }

  void add_heads(std::int32_t layers, double window) {
    if (layers == 0) return;
    AttentionPart part;
    part.window = window;
    const std::string name = window > 0 ? "window attention" : "attention";
    const auto work = [window](double tokens) { return query_key_pairs(tokens, window); };
    const auto same = [](double tokens) { return tokens; };
    const std::int32_t q_heads = shape_.q_heads / parallel_;
    const std::vector<std::int64_t> key =
        tables_ ? nearest_heads(tables_->context, window) : std::vector<std::int64_t>{};
    if (!key.empty() && key == nearest_heads(tables_->generation, window)) {
      // Prompts are bound by the operations of the query heads, decoding by the bytes of the KV.
      const double q_scale = q_heads / static_cast<double>(key[0]);
      const double kv_scale = local_kv_heads() / static_cast<double>(key[1]);
      part.context = Surface(rows_of(tables_->context, key, work, layers * q_scale));
      part.decode =
          Surface(with_measured_tails(rows_of(tables_->generation, key, same, layers * kv_scale)));
      note(name, q_scale == 1 && kv_scale == 1
                     ? std::string("tables")
                     : fmt::format("nearest table ({}/{} heads)", key[0], key[1]));
    } else {
      const double pair_flops = 4.0 * q_heads * shape_.head_dim;
      const double token_bytes = 2.0 * local_kv_heads() * shape_.head_dim * value_bytes();
      roofline_attention(part, layers, pair_flops, pair_flops, token_bytes);
      note(name, "roofline");
    }
    parts_.attention.push_back(std::move(part));
  }

  // Beyond the longest cache measured time grows as over the last measured piece.
  static std::vector<SurfaceRow> with_measured_tails(std::vector<SurfaceRow> rows) {
    Curve& first = rows.front().curve;
    const std::size_t last = first.x().size() - 1;
    if (last > 0) {
      const double slope =
          (first.y()[last] - first.y()[last - 1]) / (first.x()[last] - first.x()[last - 1]);
      first = Curve(first.x(), first.y(), slope);
    }
    return rows;
  }

  void roofline_attention(AttentionPart& part, double layers, double context_pair_flops,
                          double decode_pair_flops, double token_bytes) const {
    std::vector<double> lengths = powers_of_two(1, 131072);
    std::vector<double> work(lengths.size());
    std::ranges::transform(lengths, work.begin(),
                           [&](double tokens) { return query_key_pairs(tokens, part.window); });
    std::vector<SurfaceRow> context;
    std::vector<SurfaceRow> decode;
    for (const double batch : powers_of_two(1, 1024)) {
      context.push_back({batch, sampled(work, [&](double w) {
                           return layers * roofline_seconds(gpu_, batch * w * context_pair_flops,
                                                            batch * std::sqrt(2 * w) * token_bytes,
                                                            reach_.attention);
                         })});
      decode.push_back({batch, sampled(lengths, [&](double kv) {
                          const double seen = part.window > 0 ? std::min(kv, part.window) : kv;
                          return layers * roofline_seconds(gpu_, batch * seen * decode_pair_flops,
                                                           batch * seen * token_bytes,
                                                           reach_.attention);
                        })});
    }
    part.context = Surface(std::move(context));
    part.decode = Surface(std::move(decode));
  }

  bool has_mla_tables() const {
    // The module tables are those of one set of projections, shared by DeepSeek-V3 and Kimi-K2.
    return tables_ && shape_.hidden == 7168 && shape_.mla_kv_lora == 512 &&
           shape_.mla_rope_dim == 64 && shape_.mla_q_lora == 1536 && shape_.mla_nope_dim == 128 &&
           shape_.mla_v_dim == 128;
  }

  void add_mla() {
    const double heads = static_cast<double>(shape_.q_heads) / parallel_;
    const double latent = shape_.mla_kv_lora + shape_.mla_rope_dim;
    const double layers = shape_.layers;
    AttentionPart part;
    // Per context token: latent vector times the up-projection of keys and values. Per pair on the
    // latent vectors: scores over latent + rope, values over latent.
    const double expand_flops =
        2.0 * shape_.mla_kv_lora * heads * (shape_.mla_nope_dim + shape_.mla_v_dim);
    const double absorbed_flops = 2.0 * heads * (latent + shape_.mla_kv_lora);
    part.expand = layers * expand_flops / (reach_.gemm * gpu_.bf16.count());
    part.absorbed = layers * absorbed_flops / (reach_.attention * gpu_.bf16.count());
    const std::int64_t key[] = {shape_.q_heads / parallel_};
    const auto same = [](double tokens) { return tokens; };
    std::vector<SurfaceRow> decode;
    std::vector<SurfaceRow> context;
    if (has_mla_tables()) {
      decode = rows_of(tables_->mla_generation, key, same, layers);
      context = rows_of(tables_->mla_context, key, same, layers);
    }
    if (decode.empty() || context.empty()) {
      add_roofline_mla(part, heads, latent, absorbed_flops);
    } else {
      add_table_mla(part, std::move(decode), std::move(context));
    }
    parts_.attention.push_back(std::move(part));
  }

  void add_roofline_mla(AttentionPart& part, double heads, double latent, double absorbed_flops) {
    const auto wide = [&](std::int64_t each) { return static_cast<std::int64_t>(heads) * each; };
    const std::int64_t query_in = shape_.mla_q_lora > 0 ? shape_.mla_q_lora : shape_.hidden;
    Curve projections = gemm(static_cast<std::int64_t>(latent), shape_.hidden) +
                        gemm(wide(shape_.mla_nope_dim + shape_.mla_rope_dim), query_in) +
                        gemm(wide(shape_.mla_nope_dim + shape_.mla_v_dim), shape_.mla_kv_lora) +
                        gemm(shape_.hidden, wide(shape_.mla_v_dim));
    if (shape_.mla_q_lora > 0) projections = projections + gemm(shape_.mla_q_lora, shape_.hidden);
    add_tokens(shape_.layers, projections);
    const double context_flops =
        2.0 * heads * (shape_.mla_nope_dim + shape_.mla_rope_dim + shape_.mla_v_dim);
    roofline_attention(part, shape_.layers, context_flops, absorbed_flops, latent * value_bytes());
    note("attention (MLA)", "roofline");
  }

  // A module's time is projections(tokens) + attention: projections as decoding over an empty
  // cache measures them, and beyond its largest batch with the linear term of the prompts.
  void add_table_mla(AttentionPart& part, std::vector<SurfaceRow> decode,
                     std::vector<SurfaceRow> context) {
    const Curve& prompts = context.front().curve;
    const auto points = static_cast<Eigen::Index>(prompts.x().size());
    Eigen::MatrixX3d powers(points, 3);
    for (Eigen::Index i = 0; i < points; ++i) {
      const double tokens = prompts.x()[static_cast<std::size_t>(i)];
      const double seconds = prompts.y()[static_cast<std::size_t>(i)];
      powers.row(i) << 1 / seconds, tokens / seconds, tokens * tokens / seconds;
    }
    const Eigen::Vector3d fit = powers.colPivHouseholderQr().solve(Eigen::VectorXd::Ones(points));

    std::vector<double> tokens;
    std::vector<double> seconds;
    for (SurfaceRow& row : decode) {
      const double empty = row.curve.y().front();
      tokens.push_back(row.at);
      seconds.push_back(empty);
      std::vector<double> beyond = row.curve.y();
      for (double& y : beyond) y -= empty;
      const std::size_t last = beyond.size() - 1;
      const double slope =
          (beyond[last] - beyond[last - 1]) / (row.curve.x()[last] - row.curve.x()[last - 1]);
      row.curve = Curve(row.curve.x(), std::move(beyond), slope);
    }
    const Curve projections(std::move(tokens), std::move(seconds), fit[1]);
    for (SurfaceRow& row : context) {
      std::vector<double> work(row.curve.x().size());
      std::vector<double> attention(work.size());
      for (std::size_t i = 0; i < work.size(); ++i) {
        const double length = row.curve.x()[i];
        work[i] = query_key_pairs(length, 0);
        attention[i] = std::max(0.0, row.curve.y()[i] - projections.at(row.at * length));
      }
      row.curve = Curve::at_constant_rate(std::move(work), std::move(attention));
    }
    part.decode = Surface(std::move(decode));
    part.context = Surface(std::move(context));
    add_tokens(1, projections);
    note("attention (MLA)", "tables");
  }

  const ModelShape& shape_;
  const GpuSpec& gpu_;
  std::int32_t parallel_;
  const KernelTables* tables_;
  RooflineEfficiency reach_;
  StepParts parts_;
};

}  // namespace

StepParts make_step_parts(const ModelShape& shape, const GpuSpec& gpu, std::int32_t tensor_parallel,
                          const KernelTables* tables) {
  CALVO_EXPECT(tensor_parallel >= 1 && shape.q_heads % tensor_parallel == 0);
  return PartsBuilder(shape, gpu, tensor_parallel, tables).build();
}

}  // namespace calvo::models
