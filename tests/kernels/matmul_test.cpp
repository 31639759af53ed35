#include "kernels/matmul.hpp"

#include <gtest/gtest.h>

#include "tests/kernels/numbers.hpp"

namespace calvo::kernels {
namespace {

using testing::error_of;
using testing::random_floats;

struct Product {
  std::int64_t rows, depth, columns;
  std::vector<float> x, y;
  PanelMatrix w;

  explicit Product(unsigned seed) {
    Random random(seed);
    rows = static_cast<std::int64_t>(1 + random.below(120));
    depth = static_cast<std::int64_t>(1 + random.below(200));
    columns = static_cast<std::int64_t>(1 + random.below(70));
    x = random_floats(seed, rows * depth);
    y = random_floats(seed + 1, rows * stride());
    w = PanelMatrix(depth, columns);
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t c = 0; c < columns; ++c) {
        w.at(k, c) = static_cast<float>(random.normal());
      }
    }
  }
  std::int64_t stride() const { return panels_of(columns) * panel_width + 3; }
  float got(std::int64_t row, std::int64_t column) const {
    return y[static_cast<std::size_t>(row * stride() + column)];
  }
  void multiply(std::int64_t from, std::int64_t count, bool add, Simd simd = best_simd()) {
    matmul_reference({.x = x.data() + from * depth,
                      .x_stride = depth,
                      .w = w.data(),
                      .y = y.data() + from * stride(),
                      .y_stride = stride(),
                      .rows = count,
                      .depth = depth,
                      .panels = panels_of(columns),
                      .add = add},
                     simd);
  }
};

class MatmulProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(MatmulProperty, EachElementIsTheSumInOrderOfDepth) {
  for (const bool add : {false, true}) {
    Product product(GetParam());
    const std::vector<float> before = product.y;
    product.multiply(0, product.rows, add);
    for (std::int64_t r = 0; r < product.rows; ++r) {
      for (std::int64_t c = 0; c < product.columns; ++c) {
        float sum = add ? before[static_cast<std::size_t>(r * product.stride() + c)] : 0;
        for (std::int64_t k = 0; k < product.depth; ++k) {
          sum += product.x[static_cast<std::size_t>(r * product.depth + k)] * product.w.at(k, c);
        }
        ASSERT_EQ(product.got(r, c), sum) << r << ", " << c;
      }
    }
  }
}

TEST_P(MatmulProperty, HasTheSameBitsByEachInstructionSet) {
  Product best(GetParam());
  Product slow(GetParam());
  best.multiply(0, best.rows, true);
  slow.multiply(0, slow.rows, true, Simd::any_cpu);
  EXPECT_EQ(slow.y, best.y);
}

TEST_P(MatmulProperty, IsNearTheProductInDouble) {
  Product product(GetParam());
  product.multiply(0, product.rows, false);
  std::vector<float> got;
  std::vector<double> expected;
  for (std::int64_t r = 0; r < product.rows; ++r) {
    for (std::int64_t c = 0; c < product.columns; ++c) {
      double sum = 0;
      for (std::int64_t k = 0; k < product.depth; ++k) {
        sum += static_cast<double>(product.x[static_cast<std::size_t>(r * product.depth + k)]) *
               static_cast<double>(product.w.at(k, c));
      }
      got.push_back(product.got(r, c));
      expected.push_back(sum);
    }
  }
  EXPECT_LT(error_of(got, expected), 1e-5);
}

TEST_P(MatmulProperty, RowsHaveTheSameBitsInAnyBatch) {
  Product whole(GetParam());
  Product parts(GetParam());
  whole.multiply(0, whole.rows, false);
  Random random(GetParam(), 1);
  for (std::int64_t at = 0; at < parts.rows;) {
    const auto count = std::min(parts.rows - at, static_cast<std::int64_t>(1 + random.below(20)));
    parts.multiply(at, count, false);
    at += count;
  }
  EXPECT_EQ(parts.y, whole.y);
}

TEST_P(MatmulProperty, WritesNothingBetweenTheRows) {
  Product product(GetParam());
  const std::vector<float> before = product.y;
  product.multiply(0, product.rows, false);
  for (std::int64_t r = 0; r < product.rows; ++r) {
    for (std::int64_t c = panels_of(product.columns) * panel_width; c < product.stride(); ++c) {
      ASSERT_EQ(product.got(r, c), before[static_cast<std::size_t>(r * product.stride() + c)]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, MatmulProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::kernels
