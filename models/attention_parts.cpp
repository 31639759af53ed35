#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "models/parts_builder.hpp"

namespace calvo::models {

namespace {

// Beyond the longest cache measured time grows as over the last measured piece.
std::vector<SurfaceRow> with_measured_tails(std::vector<SurfaceRow> rows) {
  Curve& first = rows.front().curve;
  const std::size_t last = first.x().size() - 1;
  if (last > 0) {
    const double slope =
        (first.y()[last] - first.y()[last - 1]) / (first.x()[last] - first.x()[last - 1]);
    first = Curve(first.x(), first.y(), slope);
  }
  return rows;
}

}  // namespace

std::vector<SurfaceRow> PartsBuilder::rows_of(const WideTable& table,
                                              std::span<const std::int64_t> key, const Length& x_of,
                                              double scale) {
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
  rows.reserve(by_batch.size());
  for (auto& [batch, row] : by_batch) rows.push_back(std::move(row));
  return rows;
}

std::vector<std::int64_t> PartsBuilder::nearest_heads(const WideTable& table, double window) const {
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

void PartsBuilder::add_heads(std::int32_t layers, double window) {
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

void PartsBuilder::roofline_attention(AttentionPart& part, double layers, double context_pair_flops,
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

}  // namespace calvo::models
