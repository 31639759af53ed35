#include <gtest/gtest.h>

#include "kernels/argmax.hpp"
#include "kernels/embedding.hpp"
#include "kernels/kv_write.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"
#include "tests/kernels/gpu/attention_cases.hpp"
#include "tests/kernels/gpu/claims.hpp"

namespace calvo::kernels::gpu::testing {
namespace {

/// Widths around one, two and several words a thread.
std::int64_t width_of(unsigned seed) {
  constexpr std::int64_t widths[] = {8, 24, 512, 520, 1040, 4096, 8192 + 8};
  return widths[seed % std::size(widths)];
}

void embedding_equals_the_reference(Machine& machine, unsigned seed) {
  const std::int64_t width = width_of(seed);
  const std::vector<Bf16> table = random_bf16(seed, 9 * width);
  const std::vector<std::int32_t> tokens = {8, 0, 3, 3, 7};
  const Array<Bf16> table_array(machine, table);
  const Array<std::int32_t> token_array(machine, tokens);
  const Array<Bf16> out(machine, std::vector<Bf16>(static_cast<std::size_t>(5 * width), nan_bf16));
  machine.run(Embedding{table_array.data(), token_array.data(), out.data(), 5, width});
  const std::vector<float> wide = widened(table);
  std::vector<float> expected(static_cast<std::size_t>(5 * width));
  embedding_reference({wide.data(), 9, tokens, expected.data(), width});
  EXPECT_EQ(widened(out.values()), expected);
}

void rms_norm_equals_the_reference(Machine& machine, unsigned seed) {
  const std::int64_t width = width_of(seed);
  constexpr std::int64_t all = 4;
  const bool with_residual = seed % 2 == 0;
  const std::vector<std::int32_t> take =
      seed % 3 == 0 ? std::vector<std::int32_t>{2, 0} : std::vector<std::int32_t>{0, 1, 2, 3};
  const auto rows = std::ssize(take);
  const std::vector<Bf16> x = random_bf16(seed, all * width);
  std::vector<Bf16> residual = random_bf16(seed + 1, all * width);
  const std::vector<float> weight = widened(random_bf16(seed + 2, width));
  const Array<Bf16> x_array(machine, x), residual_array(machine, residual);
  const Array<float> weight_array(machine, weight);
  const Array<std::int32_t> take_array(machine, take);
  const Array<Bf16> y(machine, std::vector<Bf16>(static_cast<std::size_t>(rows * width), nan_bf16));
  machine.run(RmsNorm{.x = x_array.data(),
                      .residual = with_residual ? residual_array.data() : nullptr,
                      .weight = weight_array.data(),
                      .take = seed % 3 == 0 ? take_array.data() : nullptr,
                      .y = y.data(),
                      .rows = rows,
                      .width = width});
  std::vector<float> sums;
  for (const std::int32_t row : take) {
    for (std::int64_t i = row * width; i < (row + 1) * width; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (with_residual) residual[at] = to_bf16(to_float(residual[at]) + to_float(x[at]));
      sums.push_back(to_float(with_residual ? residual[at] : x[at]));
    }
  }
  std::vector<float> expected(sums.size());
  rms_norm_reference({sums.data(), weight.data(), expected.data(), rows, width});
  EXPECT_LT(distance(widened(y.values()), expected), rounding_tolerance);
  EXPECT_EQ(residual_array.values(), residual);
}

void swiglu_equals_the_reference(Machine& machine, unsigned seed) {
  const std::int64_t width = width_of(seed);
  std::vector<Bf16> both = random_bf16(seed, 3 * 2 * width);
  both[0] = to_bf16(-100);  // exp overflows in float: silu is 0
  both[static_cast<std::size_t>(2 * width)] = to_bf16(100);
  const Array<Bf16> in(machine, both);
  const Array<Bf16> out(machine, std::vector<Bf16>(static_cast<std::size_t>(3 * width), nan_bf16));
  machine.run(Swiglu{in.data(), out.data(), 3, width});
  const std::vector<float> wide = widened(both);
  std::vector<float> expected(static_cast<std::size_t>(3 * width));
  swiglu_reference({wide.data(), wide.data() + width, 2 * width, expected.data(), 3, width});
  EXPECT_LT(distance(widened(out.values()), expected), rounding_tolerance);
}

void argmax_equals_the_reference(Machine& machine, unsigned seed) {
  const std::int64_t width = 1 + static_cast<std::int64_t>(seed) * 617;  // 1 to beyond the threads
  const std::int64_t stride = (width + 3) / 4 * 4 + 4;
  std::vector<float> values = widened(random_bf16(seed, 3 * stride));
  if (seed % 2 == 0) {
    for (float& value : values) value = -std::abs(value);
  }
  if (seed % 3 == 0) std::fill_n(values.begin(), stride, -0.0F);  // all equal: the first
  if (seed % 3 == 0) values[static_cast<std::size_t>(width / 2)] = 0;
  for (std::int64_t row = 0; row < 3; ++row) {  // what lies between the rows is larger
    std::fill_n(values.begin() + row * stride + width, stride - width, 1e9F);
  }
  const Array<float> in(machine, values);
  const Array<std::int32_t> best(machine, {-1, -1, -1, -1});
  machine.run(Argmax{in.data(), stride, best.data(), 3, width});
  std::vector<std::int32_t> expected;
  for (std::size_t row = 0; row < 3; ++row) {
    expected.push_back(argmax_reference(std::span(values).subspan(
        row * static_cast<std::size_t>(stride), static_cast<std::size_t>(width))));
  }
  expected.push_back(-1);
  EXPECT_EQ(best.values(), expected);
}

void rope_and_kv_write_equal_the_references(Machine& machine, unsigned seed) {
  constexpr std::int32_t dims[] = {16, 64, 128, 48};
  const std::int32_t dim = dims[seed % 4];
  const std::int32_t kv_heads = 1 + static_cast<std::int32_t>(seed % 3);
  AttentionCase data(seed, dim, kv_heads, 2, 1 + static_cast<std::int32_t>(seed % 17),
                     {{3, 40'000 % (100 + static_cast<std::int32_t>(seed))}, {0, 3}, {6, 0}});
  std::ranges::fill(data.pool, nan_bf16);
  const std::int64_t rows = data.row_begin.back();
  const std::int64_t heads = data.q_heads() + 2 * kv_heads;
  const std::int64_t stride = heads * dim + 8;
  const std::vector<Bf16> qkv = random_bf16(seed + 5, rows * stride);
  const Array<Bf16> qkv_array(machine, qkv);
  const Array<float> table(machine, std::vector<float>(static_cast<std::size_t>(rows * dim), NAN));
  const AttentionRun run{data, machine};
  machine.run(RopeTable{run.batch(), table.data(), dim, 10000});
  std::vector<std::int64_t> positions;
  for (std::size_t s = 0; s < 3; ++s) {
    for (std::int64_t r = 0; r < data.sequences[s].rows; ++r) {
      positions.push_back(data.sequences[s].context + r);
    }
  }
  std::vector<float> expected_table(static_cast<std::size_t>(rows * dim));
  kernels::rope_table(positions, dim, 10000, expected_table);
  const std::vector<float> got_table = table.values();
  for (std::size_t i = 0; i < got_table.size(); ++i) {
    ASSERT_NEAR(got_table[i], expected_table[i], 1e-7) << i;
  }

  machine.run(RopeKvWrite{.qkv = qkv_array.data(),
                          .stride = stride,
                          .table = table.data(),
                          .batch = run.batch(),
                          .q_heads = data.q_heads(),
                          .kv = run.layer()});
  std::vector<float> wide = widened(qkv);
  rope_reference({.x = wide.data(),
                  .stride = stride,
                  .table = expected_table.data(),
                  .rows = rows,
                  .heads = data.q_heads() + kv_heads,
                  .head_dim = dim});
  for (std::size_t s = 0; s < 3; ++s) {
    const float* row = wide.data() + data.row_begin[s] * stride;
    kv_write_reference({.keys = row + data.q_heads() * dim,
                        .values = row + (data.q_heads() + kv_heads) * dim,
                        .stride = stride,
                        .rows = data.sequences[s].rows,
                        .first = data.sequences[s].context,
                        .kv = data.paged(s)});
  }
  const std::vector<Bf16> pool = run.pool.values();
  std::vector<float> got, expected;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    ASSERT_EQ(pool[i] == nan_bf16, data.pool[i] == nan_bf16) << "value " << i << " of the pool";
    if (pool[i] == nan_bf16) continue;
    got.push_back(to_float(pool[i]));
    expected.push_back(to_float(data.pool[i]));
  }
  EXPECT_LT(distance(got, expected), rounding_tolerance);
  const std::vector<Bf16> after = qkv_array.values();
  got.clear();
  expected.clear();
  for (std::int64_t i = 0; i < rows * stride; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i % stride < data.q_heads() * dim) {
      got.push_back(to_float(after[at]));
      expected.push_back(wide[at]);
    } else {
      ASSERT_EQ(after[at], qkv[at]) << "behind the queries, " << i;
    }
  }
  EXPECT_LT(distance(got, expected), rounding_tolerance);
}

}  // namespace

std::vector<Claim> elementwise_claims() {
  return {{"EmbeddingEqualsTheReference", embedding_equals_the_reference},
          {"RmsNormEqualsTheReference", rms_norm_equals_the_reference},
          {"SwigluEqualsTheReference", swiglu_equals_the_reference},
          {"ArgmaxEqualsTheReference", argmax_equals_the_reference},
          {"RopeAndKvWriteEqualTheReferences", rope_and_kv_write_equal_the_references}};
}

}  // namespace calvo::kernels::gpu::testing
