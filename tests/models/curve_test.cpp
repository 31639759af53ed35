#include "models/curve.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "models/step_parts.hpp"

namespace calvo::models {
namespace {

TEST(Curve, IsLinearBetweenPointsConstantBelowAndGoesOnAtItsRate) {
  const Curve curve = Curve::at_constant_rate({10, 20, 40}, {1, 3, 4});
  EXPECT_DOUBLE_EQ(curve.at(0), 1);
  EXPECT_DOUBLE_EQ(curve.at(15), 2);
  EXPECT_DOUBLE_EQ(curve.at(20), 3);
  EXPECT_DOUBLE_EQ(curve.at(30), 3.5);
  EXPECT_DOUBLE_EQ(curve.at(80), 8);
  const Piece piece = curve.piece(15);
  EXPECT_DOUBLE_EQ(piece.slope, 0.2);
  EXPECT_DOUBLE_EQ(piece.end, 20);
}

TEST(Curve, AveragesNoiseThatFalls) {
  const Curve curve({1, 2, 3, 4}, {1, 5, 3, 6}, 0);
  EXPECT_DOUBLE_EQ(curve.at(2), 4);
  EXPECT_DOUBLE_EQ(curve.at(3), 4);
  EXPECT_DOUBLE_EQ(curve.at(4), 6);
}

TEST(Curve, SumIsExactEverywhere) {
  const Curve a = Curve::at_constant_rate({1, 8, 64}, {2, 3, 20});
  const Curve b = Curve::at_constant_rate({2, 10, 30}, {1, 5, 6});
  const Curve sum = a + b;
  for (double x = 0.25; x < 200; x *= 1.1) EXPECT_NEAR(sum.at(x), a.at(x) + b.at(x), 1e-12) << x;
}

TEST(Curve, RefusesPointsOutOfOrder) {
  EXPECT_THROW(Curve({1, 1}, {1, 2}, 0), ContractViolation);
}

TEST(Surface, RowsThatEndEarlyGoOnInParallel) {
  const Surface surface({{1, Curve({0, 10, 20}, {1, 2, 4}, 0.2)}, {4, Curve({0, 10}, {2, 5}, 0)}});
  EXPECT_DOUBLE_EQ(surface.at(1, 20), 4);
  EXPECT_DOUBLE_EQ(surface.at(4, 10), 5);
  EXPECT_DOUBLE_EQ(surface.at(4, 20), 5 + 4 * 2);  // four times the step of the row before
  EXPECT_DOUBLE_EQ(surface.at(4, 30), 13 + 4 * 2);
  EXPECT_DOUBLE_EQ(surface.at(2, 10), 3);  // a third of the way between the rows
  EXPECT_DOUBLE_EQ(surface.at(8, 10), 10);
}

TEST(GemmCurve, IsExactForPowerLawsAndAtMeasuredShapes) {
  WideTable table;
  for (const std::int64_t n : {64, 256, 1024}) {
    for (const std::int64_t k : {64, 256, 1024}) {
      const double time =
          1e-9 * std::pow(static_cast<double>(n), 0.7) * std::pow(static_cast<double>(k), 0.9);
      table.rows.push_back({{n, k}, {1, 128}, {time, 3 * time}});
    }
  }
  const auto law = [](double n, double k) { return 1e-9 * std::pow(n, 0.7) * std::pow(k, 0.9); };
  EXPECT_NEAR(gemm_curve(table, 256, 64).at(128), 3 * law(256, 64), 1e-15);
  EXPECT_NEAR(gemm_curve(table, 100, 700).at(1), law(100, 700), 1e-15);
  // Beyond the grid time grows with the work.
  EXPECT_NEAR(gemm_curve(table, 4096, 64).at(1), 4 * law(1024, 64), 1e-15);
  // Where a corner is missing, the nearest shape stands in, scaled by n k.
  table.rows.pop_back();
  EXPECT_NEAR(gemm_curve(table, 1024, 1000).at(1), 1000.0 / 256 * law(1024, 256),
              1e-3 * law(1024, 1000));
}

}  // namespace
}  // namespace calvo::models
