#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/kv_write.hpp"
#include "kernels/lse_merge.hpp"
#include "kernels/paged_attention.hpp"
#include "tests/kernels/numbers.hpp"

namespace calvo::kernels {
namespace {

using testing::error_of;
using testing::random_floats;

/// A sequence of random length whose KV lies in shuffled pages of a pool full of NaN.
struct Sequence {
  KvLayout layout;
  std::int32_t layer;
  std::int32_t group;
  std::int64_t context, rows;
  std::vector<Bf16> pool;
  std::vector<std::int32_t> pages;
  std::vector<float> keys, values, q;

  explicit Sequence(unsigned seed) {
    Random random(seed);
    const auto below = [&](std::uint64_t n) { return static_cast<std::int32_t>(random.below(n)); };
    layout = {1 + below(3), 1 + below(80), 1 + below(3), 2 * (1 + below(20))};
    layer = below(static_cast<std::uint64_t>(layout.layers));
    group = 1 + below(4);
    context = below(200);
    rows = 1 + below(90);
    const std::int64_t count = (total() + layout.block_tokens - 1) / layout.block_tokens;
    pages.resize(static_cast<std::size_t>(count));
    std::iota(pages.begin(), pages.end(), 1);
    for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[random.below(i)]);
    pool.assign(static_cast<std::size_t>((count + 2) * layout.page_values()), Bf16{0x7fc0});
    keys = random_floats(seed, total() * layout.token_values());
    values = random_floats(seed + 1, total() * layout.token_values());
    q = random_floats(seed + 2, rows * q_width());
    write(0, total());
  }
  std::int64_t total() const { return context + rows; }
  std::int32_t q_heads() const { return group * layout.kv_heads; }
  std::int64_t q_width() const { return std::int64_t{q_heads()} * layout.head_dim; }
  PagedKv kv() { return {pool.data(), layout, layer, pages}; }
  void write(std::int64_t first, std::int64_t count) {
    kv_write_reference({.keys = keys.data() + first * layout.token_values(),
                        .values = values.data() + first * layout.token_values(),
                        .stride = layout.token_values(),
                        .rows = count,
                        .first = first,
                        .kv = kv()});
  }
  PagedAttention attention(std::vector<float>& out, std::vector<float>& lse) {
    out.assign(static_cast<std::size_t>(rows * q_width()), -7);
    lse.assign(static_cast<std::size_t>(rows * q_heads()), -7);
    return {.q = q.data(),
            .q_stride = q_width(),
            .out = out.data(),
            .out_stride = q_width(),
            .lse = lse.data(),
            .rows = rows,
            .first = context,
            .keys_begin = 0,
            .keys_end = total(),
            .q_heads = q_heads(),
            .scale = 1 / std::sqrt(static_cast<float>(layout.head_dim)),
            .kv = kv()};
  }

  /// By the definition, in double, from bf16 keys and values.
  void expected(const PagedAttention& args, std::vector<double>& out,
                std::vector<double>& lse) const {
    const std::int64_t dim = layout.head_dim;
    const auto rounded = [&](const std::vector<float>& from, std::int64_t position,
                             std::int64_t head, std::int64_t d) {
      return static_cast<double>(to_float(to_bf16(
          from[static_cast<std::size_t>(position * layout.token_values() + head * dim + d)])));
    };
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t h = 0; h < args.q_heads; ++h) {
        std::vector<double> weights;
        double sum = 0;
        const std::int64_t end = std::min(args.keys_end, args.first + r + 1);
        for (std::int64_t j = args.keys_begin; j < end; ++j) {
          double score = 0;
          for (std::int64_t d = 0; d < dim; ++d) {
            score += static_cast<double>(q[static_cast<std::size_t>(r * q_width() + h * dim + d)]) *
                     rounded(keys, j, h / group, d);
          }
          weights.push_back(std::exp(score * static_cast<double>(args.scale)));
          sum += weights.back();
        }
        for (std::int64_t d = 0; d < dim; ++d) {
          double mixed = 0;
          for (std::size_t j = 0; j < weights.size(); ++j) {
            mixed += weights[j] *
                     rounded(values, args.keys_begin + static_cast<std::int64_t>(j), h / group, d);
          }
          out.push_back(mixed / sum);
        }
        lse.push_back(std::log(sum));
      }
    }
  }
};

class AttentionProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(AttentionProperty, IsNearItsDefinitionInDouble) {
  Sequence sequence(GetParam());
  std::vector<float> out, lse;
  std::vector<double> expected_out, expected_lse;
  const PagedAttention args = sequence.attention(out, lse);
  paged_attention_reference(args);
  sequence.expected(args, expected_out, expected_lse);
  EXPECT_LT(error_of(out, expected_out), 3e-6);
  EXPECT_LT(error_of(lse, expected_lse), 3e-6);
}

TEST_P(AttentionProperty, PrefixAndNewTokensMergeToTheWhole) {
  Sequence sequence(GetParam());
  std::vector<float> whole, whole_lse, prefix, prefix_lse, fresh, fresh_lse;
  paged_attention_reference(sequence.attention(whole, whole_lse));
  PagedAttention part = sequence.attention(prefix, prefix_lse);
  part.keys_end = sequence.context;
  paged_attention_reference(part);
  part = sequence.attention(fresh, fresh_lse);
  part.keys_begin = sequence.context;
  paged_attention_reference(part);
  lse_merge_reference({.a = prefix.data(),
                       .lse_a = prefix_lse.data(),
                       .b = fresh.data(),
                       .lse_b = fresh_lse.data(),
                       .out = fresh.data(),
                       .lse = fresh_lse.data(),
                       .rows = sequence.rows * sequence.q_heads(),
                       .width = sequence.layout.head_dim});
  EXPECT_LT(error_of(fresh, std::vector<double>(whole.begin(), whole.end())), 3e-6);
  EXPECT_LT(error_of(fresh_lse, std::vector<double>(whole_lse.begin(), whole_lse.end())), 3e-6);
}

TEST_P(AttentionProperty, RowsHaveTheSameBitsAloneAndTogether) {
  Sequence sequence(GetParam());
  std::vector<float> whole, whole_lse, row, row_lse;
  paged_attention_reference(sequence.attention(whole, whole_lse));
  for (std::int64_t r = 0; r < sequence.rows; ++r) {
    PagedAttention args = sequence.attention(row, row_lse);
    args.q += r * sequence.q_width();
    args.rows = 1;
    args.first = sequence.context + r;
    args.keys_end = args.first + 1;
    paged_attention_reference(args);
    for (std::int64_t i = 0; i < sequence.q_width(); ++i) {
      ASSERT_EQ(row[static_cast<std::size_t>(i)],
                whole[static_cast<std::size_t>(r * sequence.q_width() + i)])
          << "row " << r;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, AttentionProperty, ::testing::Range(0U, 50U));

TEST(Attention, ARowWithoutKeysGivesZeroAndWeighsNothing) {
  Sequence sequence(1);
  std::vector<float> out, lse;
  PagedAttention args = sequence.attention(out, lse);
  args.keys_begin = args.keys_end = 0;
  paged_attention_reference(args);
  EXPECT_EQ(out, std::vector<float>(out.size(), 0.0F));
  EXPECT_EQ(lse, std::vector<float>(lse.size(), -std::numeric_limits<float>::infinity()));
}

TEST(LseMerge, OfTwoEmptyPartsIsEmpty) {
  const float none = -std::numeric_limits<float>::infinity();
  const std::vector<float> zeros(4, 0.0F);
  const std::vector<float> nothing(2, none);
  std::vector<float> out(4, 5.0F), lse(2, 5.0F);
  lse_merge_reference({.a = zeros.data(),
                       .lse_a = nothing.data(),
                       .b = zeros.data(),
                       .lse_b = nothing.data(),
                       .out = out.data(),
                       .lse = lse.data(),
                       .rows = 2,
                       .width = 2});
  EXPECT_EQ(out, zeros);
  EXPECT_EQ(lse, nothing);
}

TEST(Attention, IsStableForScoresThatExpCannotHold) {
  Sequence sequence(2);
  for (float& value : sequence.q) value *= 300;
  std::vector<float> out, lse;
  paged_attention_reference(sequence.attention(out, lse));
  for (const float value : out) ASSERT_TRUE(std::isfinite(value));
  EXPECT_GT(*std::ranges::max_element(lse), 100);
}

TEST(KvWrite, TouchesItsTokensAndNothingElse) {
  Sequence sequence(3);
  const KvLayout& layout = sequence.layout;
  std::fill(sequence.pool.begin(), sequence.pool.end(), Bf16{0x7fc0});
  const std::int64_t first = sequence.total() / 3;
  const std::int64_t count = sequence.total() / 3;
  sequence.write(first, count);
  std::vector<bool> written(sequence.pool.size());
  for (std::int64_t p = first; p < first + count; ++p) {
    const std::int64_t page =
        sequence.pages[static_cast<std::size_t>(p / layout.block_tokens)] * layout.page_values();
    for (std::int64_t plane = 0; plane < 2; ++plane) {
      const std::int64_t at = page + (2 * sequence.layer + plane) * layout.plane_values() +
                              p % layout.block_tokens * layout.token_values();
      for (std::int64_t i = 0; i < layout.token_values(); ++i) {
        const auto& from = plane == 0 ? sequence.keys : sequence.values;
        EXPECT_EQ(sequence.pool[static_cast<std::size_t>(at + i)],
                  to_bf16(from[static_cast<std::size_t>(p * layout.token_values() + i)]));
        written[static_cast<std::size_t>(at + i)] = true;
      }
    }
  }
  for (std::size_t i = 0; i < written.size(); ++i) {
    ASSERT_TRUE(written[i] || sequence.pool[i] == Bf16{0x7fc0}) << i;
  }
}

}  // namespace
}  // namespace calvo::kernels
