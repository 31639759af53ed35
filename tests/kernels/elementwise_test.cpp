#include <bit>
#include <cmath>

#include <Eigen/Core>
#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "kernels/argmax.hpp"
#include "kernels/bf16.hpp"
#include "kernels/embedding.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"
#include "kernels/vector_exp.hpp"
#include "kernels/weight_fill.hpp"
#include "tests/kernels/numbers.hpp"

namespace calvo::kernels {
namespace {

using testing::error_of;
using testing::random_floats;

TEST(Bf16, EachValueComesBackAsItWas) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = to_float(Bf16{static_cast<std::uint16_t>(bits)});
    if (std::isnan(value)) continue;
    ASSERT_EQ(static_cast<std::uint32_t>(to_bf16(value)), bits);
  }
}

TEST(Bf16, RoundsToTheNearestAndTiesToEven) {
  Random random(1);
  for (int i = 0; i < 200'000; ++i) {
    auto bits = static_cast<std::uint32_t>(random.bits());
    if (i % 4 == 0) bits = (bits & 0xffff0000U) | 0x8000U;  // a tie
    const auto value = std::bit_cast<float>(bits);
    if (std::isnan(value)) continue;
    ASSERT_EQ(static_cast<std::uint16_t>(to_bf16(value)), Eigen::bfloat16(value).value) << bits;
  }
}

TEST(VectorExp, IsNearExpWhereverAnElementStands) {
  std::vector<float> values;
  for (int i = 0; i <= 2000; ++i) values.push_back(static_cast<float>(i - 1000) * 0.087F);
  std::vector<float> whole = values;
  vector_exp(whole.data(), std::ssize(whole));
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(whole[i] / std::exp(static_cast<double>(values[i])), 1, 3e-7) << values[i];
    float alone = values[i];
    vector_exp(&alone, 1);
    ASSERT_EQ(alone, whole[i]) << values[i];
  }
  float zero = 0;
  vector_exp(&zero, 1);
  EXPECT_EQ(zero, 1);
}

TEST(RmsNorm, IsNearItsDefinitionInDouble) {
  for (const std::int64_t width : {1, 3, 64, 101}) {
    const std::vector<float> x = random_floats(1, 5 * width);
    const std::vector<float> weight = random_floats(2, width);
    std::vector<float> y(x.size());
    rms_norm_reference(
        {.x = x.data(), .weight = weight.data(), .y = y.data(), .rows = 5, .width = width});
    std::vector<double> expected;
    for (std::int64_t r = 0; r < 5; ++r) {
      double squares = 0;
      for (std::int64_t i = 0; i < width; ++i) {
        squares += std::pow(static_cast<double>(x[static_cast<std::size_t>(r * width + i)]), 2);
      }
      for (std::int64_t i = 0; i < width; ++i) {
        expected.push_back(static_cast<double>(weight[static_cast<std::size_t>(i)]) *
                           static_cast<double>(x[static_cast<std::size_t>(r * width + i)]) /
                           std::sqrt(squares / static_cast<double>(width) + 1e-5));
      }
    }
    EXPECT_LT(error_of(y, expected), 1e-6) << width;
    std::vector<float> in_place = x;
    rms_norm_reference({.x = in_place.data(),
                        .weight = weight.data(),
                        .y = in_place.data(),
                        .rows = 5,
                        .width = width});
    EXPECT_EQ(in_place, y) << width;
  }
}

std::vector<float> rotated(std::vector<float> x, std::span<const std::int64_t> positions,
                           std::int32_t heads, std::int32_t head_dim) {
  std::vector<float> table(positions.size() * static_cast<std::size_t>(head_dim));
  rope_table(positions, head_dim, 10000, table);
  rope_reference({.x = x.data(),
                  .stride = std::int64_t{heads} * head_dim,
                  .table = table.data(),
                  .rows = std::ssize(positions),
                  .heads = heads,
                  .head_dim = head_dim});
  return x;
}

TEST(Rope, RotatesEachPairByItsAngle) {
  const std::vector<std::int64_t> positions = {0, 1, 17, 40000};
  const std::vector<float> x = random_floats(3, 4 * 3 * 10);
  std::vector<double> expected;
  for (std::size_t r = 0; r < positions.size(); ++r) {
    for (int head = 0; head < 3; ++head) {
      const float* h = x.data() + (r * 3 + static_cast<std::size_t>(head)) * 10;
      for (int i = 0; i < 10; ++i) {
        const double angle =
            static_cast<double>(positions[r]) * std::pow(10000.0, -2.0 * (i % 5) / 10);
        const double cosine = std::cos(angle) * static_cast<double>(h[i]);
        const double sine = std::sin(angle);
        expected.push_back(i < 5 ? cosine - sine * static_cast<double>(h[i + 5])
                                 : cosine + sine * static_cast<double>(h[i - 5]));
      }
    }
  }
  EXPECT_LT(error_of(rotated(x, positions, 3, 10), expected), 1e-6);
}

TEST(Rope, DotProductsDependOnTheDistanceOnly) {
  const std::vector<float> pair = random_floats(4, 2 * 16);
  const auto dot_at = [&](std::int64_t first, std::int64_t second) {
    const std::vector<std::int64_t> positions = {first, second};
    const std::vector<float> x = rotated(pair, positions, 1, 16);
    double sum = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      sum += static_cast<double>(x[i]) * static_cast<double>(x[16 + i]);
    }
    return sum;
  };
  EXPECT_NEAR(dot_at(5, 12), dot_at(1005, 1012), 1e-4);
  EXPECT_GT(std::abs(dot_at(5, 12) - dot_at(5, 13)), 1e-3);
}

TEST(Swiglu, IsNearItsDefinitionInDouble) {
  for (const std::int64_t width : {1, 16, 37}) {
    std::vector<float> both = random_floats(5, 3 * 2 * width);
    both[0] = -100;  // exp overflows in float: silu is 0
    both[static_cast<std::size_t>(2 * width)] = 100;
    std::vector<float> out(static_cast<std::size_t>(3 * width));
    swiglu_reference({.gate = both.data(),
                      .up = both.data() + width,
                      .in_stride = 2 * width,
                      .out = out.data(),
                      .rows = 3,
                      .width = width});
    std::vector<double> expected;
    for (std::int64_t r = 0; r < 3; ++r) {
      for (std::int64_t i = 0; i < width; ++i) {
        const double gate = both[static_cast<std::size_t>(r * 2 * width + i)];
        const double up = both[static_cast<std::size_t>(r * 2 * width + width + i)];
        expected.push_back(gate / (1 + std::exp(-gate)) * up);
      }
    }
    EXPECT_LT(error_of(out, expected), 1e-6) << width;
  }
}

TEST(Embedding, TakesTheRowsOfTheTokens) {
  const std::vector<float> table = random_floats(6, 5 * 3);
  const std::vector<std::int32_t> tokens = {4, 0, 4, 2};
  std::vector<float> out(12);
  embedding_reference(
      {.table = table.data(), .vocab = 5, .tokens = tokens, .out = out.data(), .width = 3});
  for (std::size_t r = 0; r < 4; ++r) {
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(out[r * 3 + i], table[static_cast<std::size_t>(tokens[r]) * 3 + i]);
    }
  }
  const std::vector<std::int32_t> unknown = {5};
  EXPECT_THROW(
      embedding_reference(
          {.table = table.data(), .vocab = 5, .tokens = unknown, .out = out.data(), .width = 3}),
      ContractViolation);
}

TEST(Argmax, IsTheFirstOfTheLargest) {
  EXPECT_EQ(argmax_reference(std::vector<float>{1, 3, 2, 3}), 1);
  EXPECT_EQ(argmax_reference(std::vector<float>{-5}), 0);
}

TEST(WeightFill, HasTheMeanAndTheDeviationAskedFor) {
  const WeightFill fill(1, WeightTensor{3}, 0.25);
  double sum = 0;
  double squares = 0;
  constexpr int count = 100'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double value = fill(i);
    sum += value;
    squares += value * value;
    ASSERT_EQ(to_float(to_bf16(fill(i))), fill(i));
  }
  EXPECT_NEAR(sum / count, 0, 0.004);
  EXPECT_NEAR(std::sqrt(squares / count), 0.25, 0.002);
}

TEST(WeightFill, DependsOnSeedTensorAndIndexOnly) {
  const WeightFill fill(1, WeightTensor{3}, 1);
  EXPECT_EQ(fill(7), WeightFill(1, WeightTensor{3}, 1)(7));
  int same = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    same += fill(i) == fill(i + 1) ? 1 : 0;
    same += fill(i) == WeightFill(2, WeightTensor{3}, 1)(i) ? 1 : 0;
    same += fill(i) == WeightFill(1, WeightTensor{4}, 1)(i) ? 1 : 0;
  }
  EXPECT_LT(same, 30);  // values are coarse: some meet by chance
}

}  // namespace
}  // namespace calvo::kernels
