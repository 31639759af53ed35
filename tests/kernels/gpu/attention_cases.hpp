#pragma once

#include <gtest/gtest.h>

#include "kernels/paged_attention.hpp"
#include "tests/kernels/gpu/machine.hpp"
#include "tests/kernels/gpu/values.hpp"

namespace calvo::kernels::gpu::testing {

/// Sequences with KV in shuffled pages, all else in the pool NaN.
struct AttentionCase {
  KvLayout layout;
  std::int32_t layer = 0;
  std::int32_t group = 1;
  std::vector<SequenceRows> sequences;
  std::vector<std::int32_t> row_begin, row_sequence, first, page_begin, pages;
  std::vector<Bf16> pool, q;
  std::int64_t stride = 0;  ///< of queries and outputs
  float scale = 1;

  AttentionCase(unsigned seed, std::int32_t head_dim, std::int32_t kv_heads, std::int32_t group_,
                std::int32_t block_tokens, std::vector<SequenceRows> given)
      : layout{2, block_tokens, kv_heads, head_dim},
        layer(static_cast<std::int32_t>(seed % 2)),
        group(group_),
        sequences(std::move(given)),
        scale(1 / std::sqrt(static_cast<float>(head_dim))) {
    std::int32_t page_count = 0;
    row_begin.push_back(0);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      const auto [rows, context] = sequences[s];
      row_begin.push_back(row_begin.back() + rows);
      row_sequence.insert(row_sequence.end(), static_cast<std::size_t>(rows),
                          static_cast<std::int32_t>(s));
      first.push_back(context);
      page_begin.push_back(page_count);
      page_count += (rows + context + block_tokens - 1) / block_tokens;
    }
    pages = shuffled(seed, page_count);
    pool.assign(static_cast<std::size_t>(page_count * layout.page_values()), nan_bf16);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      const PagedKv kv = paged(s);
      const std::int64_t keys = sequences[s].rows + sequences[s].context;
      const std::int64_t width = layout.token_values();
      const std::vector<Bf16> values = random_bf16(seed * 100 + s, 2 * keys * width);
      for (std::int64_t p = 0; p < keys; ++p) {
        std::copy_n(values.data() + 2 * p * width, width, kv.keys(p));
        std::copy_n(values.data() + (2 * p + 1) * width, width, kv.values(p));
      }
    }
    stride = q_width() + 8;
    q = random_bf16(seed + 1, row_begin.back() * stride);
  }

  std::int32_t q_heads() const { return group * layout.kv_heads; }
  std::int64_t q_width() const { return std::int64_t{q_heads()} * layout.head_dim; }
  PagedKv paged(std::size_t s) {
    const auto begin = static_cast<std::size_t>(page_begin[s]);
    const std::size_t end =
        s + 1 < page_begin.size() ? static_cast<std::size_t>(page_begin[s + 1]) : pages.size();
    return {pool.data(), layout, layer, std::span(pages).subspan(begin, end - begin)};
  }

  /// By the reference, for the rows of sequence s.
  void expected(std::size_t s, std::int64_t keys_begin, std::int64_t keys_end,
                std::vector<float>& out, std::vector<float>& lse) {
    const std::int64_t rows = sequences[s].rows;
    const std::vector<float> queries = widened(std::span(q).subspan(
        static_cast<std::size_t>(row_begin[s] * stride), static_cast<std::size_t>(rows * stride)));
    out.resize(static_cast<std::size_t>(rows * q_width()));
    lse.resize(static_cast<std::size_t>(rows * q_heads()));
    paged_attention_reference({.q = queries.data(),
                               .q_stride = stride,
                               .out = out.data(),
                               .out_stride = q_width(),
                               .lse = lse.data(),
                               .rows = rows,
                               .first = sequences[s].context,
                               .keys_begin = keys_begin,
                               .keys_end = std::max(keys_begin, keys_end),
                               .q_heads = q_heads(),
                               .scale = scale,
                               .kv = paged(s)});
  }
};

/// An AttentionCase on a machine, and what it gave.
struct AttentionRun {
  AttentionCase& data;
  Machine& machine;
  Array<Bf16> pool{machine, data.pool}, q{machine, data.q};
  Array<Bf16> out{machine, std::vector<Bf16>(data.q.size(), nan_bf16)};
  Array<float> lse{
      machine,
      std::vector<float>(static_cast<std::size_t>(data.row_begin.back() * data.q_heads()), NAN)};
  Array<std::int32_t> row_begin{machine, data.row_begin}, row_sequence{machine, data.row_sequence},
      first{machine, data.first}, page_begin{machine, data.page_begin}, pages{machine, data.pages};

  RaggedBatch batch() const {
    return {static_cast<std::int32_t>(data.sequences.size()),
            data.row_begin.back(),
            row_begin.data(),
            row_sequence.data(),
            first.data(),
            page_begin.data(),
            pages.data()};
  }
  PagedLayer layer() const { return {pool.data(), data.layout, data.layer}; }

  void prefill(const std::int32_t* keys_begin = nullptr, const std::int32_t* keys_end = nullptr) {
    const std::vector<PrefillTile> tiles = prefill_tiles(data.sequences, data.group);
    const Array<PrefillTile> list(machine, tiles);
    machine.run(PrefillAttention{.q = q.data(),
                                 .q_stride = data.stride,
                                 .out = out.data(),
                                 .out_stride = data.stride,
                                 .lse = lse.data(),
                                 .batch = batch(),
                                 .tiles = list.data(),
                                 .tile_count = static_cast<std::int32_t>(tiles.size()),
                                 .keys_begin = keys_begin,
                                 .keys_end = keys_end,
                                 .q_heads = data.q_heads(),
                                 .scale = data.scale,
                                 .kv = layer()});
  }

  void decode(const DecodePlan& plan, const std::vector<std::int32_t>& members) {
    const Array<std::int32_t> list(machine, members);
    const Array<float> workspace(
        machine, std::vector<float>(static_cast<std::size_t>(plan.workspace_bytes / 4), NAN));
    machine.run(DecodeAttention{.q = q.data(),
                                .q_stride = data.stride,
                                .out = out.data(),
                                .out_stride = data.stride,
                                .lse = lse.data(),
                                .batch = batch(),
                                .members = list.data(),
                                .count = static_cast<std::int32_t>(members.size()),
                                .plan = plan,
                                .workspace = workspace.data(),
                                .q_heads = data.q_heads(),
                                .scale = data.scale,
                                .kv = layer()});
  }

  /// Holds sequence s to the reference, and what lies between the rows to be as it was.
  void expect_like_reference(std::size_t s, std::int64_t keys_begin, std::int64_t keys_end) {
    std::vector<float> expected, expected_lse, got;
    data.expected(s, keys_begin, keys_end, expected, expected_lse);
    const std::vector<Bf16> all = out.values();
    const std::vector<float> all_lse = lse.values();
    for (std::int64_t row = data.row_begin[s]; row < data.row_begin[s + 1]; ++row) {
      for (std::int64_t i = 0; i < data.stride; ++i) {
        const Bf16 value = all[static_cast<std::size_t>(row * data.stride + i)];
        if (i < data.q_width()) {
          got.push_back(to_float(value));
        } else {
          ASSERT_EQ(value, nan_bf16) << "behind row " << row;
        }
      }
    }
    EXPECT_LT(distance(got, expected), bf16_tolerance) << "sequence " << s;
    const auto begin = all_lse.begin() + data.row_begin[s] * data.q_heads();
    const std::vector<float> got_lse(begin, begin + std::ssize(expected_lse));
    EXPECT_LT(distance(got_lse, expected_lse), 1e-3) << "sequence " << s;
  }
};

}  // namespace calvo::kernels::gpu::testing
