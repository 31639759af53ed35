#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/contract.hpp"
#include "kernels/matmul.hpp"
#include "kernels/paged_attention.hpp"
#include "kernels/vector_exp.hpp"

namespace calvo::kernels {
namespace {

constexpr std::int64_t tile_keys = 64;
constexpr std::int64_t tile_rows = 16;  // query rows that share a tile of scores
constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// The online softmax of the query rows of one KV head: row r * group + g is query head g of the
/// group at new token r.
class HeadAttention {
public:
  HeadAttention(const PagedAttention& args, std::int32_t kv_head)
      : args_(args),
        kv_head_(kv_head),
        group_(args.q_heads / args.kv.layout.kv_heads),
        dim_(args.kv.layout.head_dim),
        padded_(panels_of(dim_) * panel_width),
        rows_(args.rows * group_),
        queries_(static_cast<std::size_t>(rows_ * dim_)),
        sums_(static_cast<std::size_t>(rows_ * padded_)),
        largest_(static_cast<std::size_t>(rows_), minus_infinity),
        weight_(static_cast<std::size_t>(rows_)),
        keys_(static_cast<std::size_t>(dim_ * tile_keys)),
        values_(static_cast<std::size_t>(tile_keys * padded_)),
        row_(static_cast<std::size_t>(dim_)) {
    for (std::int64_t i = 0; i < rows_; ++i) {
      const float* q = query(i);
      for (std::int64_t d = 0; d < dim_; ++d) {
        queries_[static_cast<std::size_t>(i * dim_ + d)] = args.scale * q[d];
      }
    }
  }

  void run() {
    const std::int64_t end = std::min(args_.keys_end, args_.first + args_.rows);
    for (std::int64_t tile = args_.keys_begin / tile_keys * tile_keys; tile < end;
         tile += tile_keys) {
      const std::int64_t from = std::max(tile, args_.keys_begin);
      const std::int64_t to = std::min(tile + tile_keys, end);
      load(tile, from, to);
      const std::int64_t first_row = std::max<std::int64_t>(0, from - args_.first) * group_;
      for (std::int64_t row = first_row; row < rows_; row += tile_rows) {
        add_tile(tile, from, to, row, std::min(row + tile_rows, rows_));
      }
    }
    finish();
  }

private:
  const float* query(std::int64_t row) const {
    return args_.q + row / group_ * args_.q_stride + head(row) * dim_;
  }
  std::int64_t head(std::int64_t row) const { return kv_head_ * group_ + row % group_; }

  /// Keys become panels [4][dim][16], values panels [..][64][16]; absent ones are 0.
  void load(std::int64_t tile, std::int64_t from, std::int64_t to) {
    if (to - from < tile_keys) {  // else all but the padding, which stays 0, is written
      std::ranges::fill(keys_, 0.0F);
      std::ranges::fill(values_, 0.0F);
    }
    for (std::int64_t position = from; position < to; ++position) {
      const std::int64_t j = position - tile;
      widen(args_.kv.keys(position) + kv_head_ * dim_, row_.data(), dim_);
      float* column = keys_.data() + j / panel_width * dim_ * panel_width + j % panel_width;
      for (std::int64_t d = 0; d < dim_; ++d) {
        column[d * panel_width] = row_[static_cast<std::size_t>(d)];
      }
      const Bf16* value = args_.kv.values(position) + kv_head_ * dim_;
      float* panel = values_.data() + j * panel_width;
      for (std::int64_t d = 0; d < dim_; d += panel_width) {
        widen(value + d, panel, std::min(panel_width, dim_ - d));
        panel += tile_keys * panel_width;
      }
    }
  }
  static void widen(const Bf16* from, float* to, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = to_float(from[i]);
  }

  void add_tile(std::int64_t tile, std::int64_t from, std::int64_t to, std::int64_t begin,
                std::int64_t end) {
    const std::int64_t rows = end - begin;
    float scores[tile_rows * tile_keys];
    matmul_reference({.x = queries_.data() + begin * dim_,
                      .x_stride = dim_,
                      .w = keys_.data(),
                      .y = scores,
                      .y_stride = tile_keys,
                      .rows = rows,
                      .depth = dim_,
                      .panels = tile_keys / panel_width});
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t position = args_.first + (begin + i) / group_;
      const std::int64_t seen = std::min(to, position + 1);
      soften(scores + i * tile_keys, begin + i, from - tile, std::max(from, seen) - tile);
    }
    matmul_reference({.x = scores,
                      .x_stride = tile_keys,
                      .w = values_.data(),
                      .y = sums_.data() + begin * padded_,
                      .y_stride = padded_,
                      .rows = rows,
                      .depth = tile_keys,
                      .panels = padded_ / panel_width,
                      .add = true});
  }

  /// Scores [from, to) of a tile become weights, the others 0; what the row has so far is scaled
  /// to the new maximum.
  void soften(float* scores, std::int64_t row, std::int64_t from, std::int64_t to) {
    const auto index = static_cast<std::size_t>(row);
    const float before = largest_[index];
    float largest = before;
    for (std::int64_t j = from; j < to; ++j) largest = std::max(largest, scores[j]);
    if (largest > before) {
      largest_[index] = largest;
      if (before > minus_infinity) {
        float shrink = before - largest;
        vector_exp(&shrink, 1);
        weight_[index] *= shrink;
        float* sums = sums_.data() + row * padded_;
        for (std::int64_t d = 0; d < padded_; ++d) sums[d] *= shrink;
      }
    }
    std::fill(scores, scores + from, largest);  // finite for exp; not read after it
    std::fill(scores + to, scores + tile_keys, largest);
    for (std::int64_t j = 0; j < tile_keys; ++j) scores[j] -= largest;
    vector_exp(scores, tile_keys);
    std::fill(scores, scores + from, 0.0F);
    std::fill(scores + to, scores + tile_keys, 0.0F);
    float parts[4] = {};
    for (std::int64_t j = 0; j < tile_keys; j += 4) {
      for (std::int64_t lane = 0; lane < 4; ++lane) parts[lane] += scores[j + lane];
    }
    weight_[index] += (parts[0] + parts[1]) + (parts[2] + parts[3]);
  }

  void finish() {
    for (std::int64_t i = 0; i < rows_; ++i) {
      const auto index = static_cast<std::size_t>(i);
      const bool empty = largest_[index] == minus_infinity;
      const float inverse = empty ? 0 : 1 / weight_[index];
      float* out = args_.out + i / group_ * args_.out_stride + head(i) * dim_;
      const float* sums = sums_.data() + i * padded_;
      for (std::int64_t d = 0; d < dim_; ++d) out[d] = sums[d] * inverse;
      if (args_.lse != nullptr) {
        args_.lse[i / group_ * args_.q_heads + head(i)] =
            empty ? minus_infinity : largest_[index] + std::log(weight_[index]);
      }
    }
  }

  const PagedAttention& args_;
  std::int64_t kv_head_;
  std::int64_t group_;
  std::int64_t dim_;
  std::int64_t padded_;
  std::int64_t rows_;
  std::vector<float> queries_;  ///< [rows][dim], scaled
  std::vector<float> sums_;     ///< [rows][padded]
  std::vector<float> largest_;  ///< [rows]
  std::vector<float> weight_;   ///< [rows]
  std::vector<float> keys_;
  std::vector<float> values_;
  std::vector<float> row_;
};

}  // namespace

void paged_attention_reference(const PagedAttention& args) {
  const KvLayout& layout = args.kv.layout;
  CALVO_EXPECT(args.rows >= 0 && args.first >= 0);
  CALVO_EXPECT(0 <= args.keys_begin && args.keys_begin <= args.keys_end);
  CALVO_EXPECT(layout.kv_heads > 0 && args.q_heads % layout.kv_heads == 0);
  CALVO_EXPECT(args.keys_end <=
               static_cast<std::int64_t>(args.kv.pages.size()) * layout.block_tokens);
  for (std::int32_t head = 0; head < layout.kv_heads; ++head) HeadAttention(args, head).run();
}

}  // namespace calvo::kernels
