#include "models/testbed_fit.hpp"

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "models/robust_fit.hpp"

namespace calvo::models {
namespace {

std::vector<TransferPoint> measured(const TransferModel& link) {
  std::vector<TransferPoint> points;
  for (const std::int64_t size : {4096, 65536, 1 << 20}) {
    for (const std::int64_t operations : {1, 4, 16, 64}) {
      points.push_back({Bytes{size}, operations, link.time(Bytes{size}, operations)});
    }
  }
  return points;
}

TransferModel link() {
  TransferModel model;
  model.latency = Seconds{40e-6};
  model.per_operation = Seconds{3e-6};
  model.bandwidth = BytesPerSecond{1.25e9};
  return model;
}

LinearComputeModel::Options machine() {
  LinearComputeModel::Options options;
  options.prefill_fixed = Seconds{2e-4};
  options.per_token = Seconds{3e-5};
  options.per_pair = Seconds{4e-9};
  options.decode_fixed = Seconds{1.5e-4};
  options.per_sequence = Seconds{8e-5};
  options.per_context_token = Seconds{2e-8};
  options.layers = 4;
  return options;
}

std::vector<StepPoint> measured(const LinearComputeModel& model) {
  std::vector<StepPoint> points;
  for (const std::int64_t fresh : {1, 16, 128, 512}) {
    for (const std::int64_t context : {0, 512, 4096}) {
      points.push_back(
          {Tokens{fresh}, Tokens{context}, 0, model.prefill(Tokens{fresh}, Tokens{context})});
    }
  }
  for (const std::int64_t sequences : {1, 4, 16}) {
    for (const std::int64_t context : {256, 2048}) {
      const StepShape shape{{}, sequences, Tokens{sequences * context}};
      points.push_back(
          {Tokens{0}, Tokens{sequences * context}, sequences, model.step(shape).first});
    }
  }
  return points;
}

TEST(TransferFit, FindsTheLinkThatMadeThePoints) {
  const TransferFit fit = fit_transfer(measured(link()));
  EXPECT_NEAR(fit.model.latency.count(), 40e-6, 40e-12);
  EXPECT_NEAR(fit.model.per_operation.count(), 3e-6, 3e-12);
  EXPECT_NEAR(fit.model.bandwidth.count(), 1.25e9, 1.25e3);
  EXPECT_LT(fit.quality.worst_error, 1e-9);
}

TEST(TransferFit, IsNotBentByADisturbedPoint) {
  std::vector<TransferPoint> points = measured(link());
  points[5].time *= 4;
  const TransferFit fit = fit_transfer(points);
  EXPECT_NEAR(fit.model.bandwidth.count(), 1.25e9, 0.02 * 1.25e9);
  EXPECT_NEAR(fit.quality.worst_error, 0.75, 0.02);  // and says that it is off
  EXPECT_LT(fit.quality.median_error, 0.02);
}

TEST(TransferFit, IsNotBentByMessagesThatABurstLetsPass) {
  // ms, as measured over loopback from a node that paces itself to 31.25 MB/s.
  const std::vector<std::pair<std::int64_t, std::vector<double>>> measured_ms = {
      {4096, {0.030, 0.072, 0.381, 0.877, 1.962, 4.030}},
      {65536, {1.997, 4.045, 8.241, 16.671, 33.406, 66.992}},
      {65600, {2.020, 4.156, 8.327, 16.728, 33.518, 67.051}},
      {262144, {8.395, 16.792, 33.566, 67.141, 134.224}},
      {1048576, {33.560, 67.110, 134.245}}};
  std::vector<TransferPoint> points;
  for (const auto& [size, times] : measured_ms) {
    std::int64_t operations = 1;
    for (const double time : times) {
      points.push_back({Bytes{size}, operations, Seconds{time / 1e3}});
      operations *= 2;
    }
  }
  const TransferFit fit = fit_transfer(points);
  EXPECT_NEAR(fit.model.bandwidth.count(), 31.25e6, 0.01 * 31.25e6);
  EXPECT_LT(fit.quality.median_error, 0.01);
}

TEST(TransferFit, GivesNoNegativeTimes) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed, 0);
    TransferModel model = link();
    model.latency = Seconds{0};
    std::vector<TransferPoint> points = measured(model);
    for (TransferPoint& point : points) point.time *= 1 + 0.1 * random.normal() / 3;
    const TransferFit fit = fit_transfer(points);
    EXPECT_GE(fit.model.latency.count(), 0);
    EXPECT_GE(fit.model.per_operation.count(), 0);
    EXPECT_GT(fit.model.bandwidth.count(), 0);
  }
}

TEST(ComputeFit, FindsTheMachineThatMadeThePoints) {
  const ComputeFit fit = fit_compute(measured(LinearComputeModel(machine())), 4);
  EXPECT_NEAR(fit.options.prefill_fixed.count(), 2e-4, 1e-9);
  EXPECT_NEAR(fit.options.per_token.count(), 3e-5, 1e-10);
  EXPECT_NEAR(fit.options.per_pair.count(), 4e-9, 1e-14);
  EXPECT_NEAR(fit.options.decode_fixed.count(), 1.5e-4, 1e-9);
  EXPECT_NEAR(fit.options.per_sequence.count(), 8e-5, 1e-10);
  EXPECT_NEAR(fit.options.per_context_token.count(), 2e-8, 1e-13);
  EXPECT_LT(fit.prefill.worst_error, 1e-9);
  EXPECT_LT(fit.decode.worst_error, 1e-9);
}

TEST(ComputeFit, SaysHowWrongItIsWhereTheMachineIsNotLinear) {
  std::vector<StepPoint> points = measured(LinearComputeModel(machine()));
  for (StepPoint& point : points) {
    if (point.new_tokens >= Tokens{512}) point.time *= 1.5;
  }
  EXPECT_GT(fit_compute(points, 4).prefill.worst_error, 0.1);
}

using Ranges = std::vector<std::tuple<std::string, std::int64_t, std::int64_t>>;

Ranges ranges_of(const FitQuality& quality) {
  Ranges ranges;
  for (const FitRange& range : quality.ranges) {
    ranges.emplace_back(range.axis, range.least, range.most);
  }
  return ranges;
}

TEST(TransferFit, SaysWhereItsPointsLay) {
  EXPECT_EQ(ranges_of(fit_transfer(measured(link())).quality),
            (Ranges{{"size", 4096, 1 << 20}, {"operations", 1, 64}}));
}

TEST(ComputeFit, SaysWhereItsPointsLay) {
  const ComputeFit fit = fit_compute(measured(LinearComputeModel(machine())), 4);
  EXPECT_EQ(ranges_of(fit.prefill), (Ranges{{"new_tokens", 1, 512}, {"prefix", 0, 4096}}));
  EXPECT_EQ(ranges_of(fit.decode), (Ranges{{"batch", 1, 16}, {"context", 256, 16 * 2048}}));
}

TEST(RobustFit, PrefersTheCoefficientsThatAgreeWithTheSigns) {
  Eigen::MatrixXd a(4, 2);
  a << 1, 1, 1, 2, 1, 3, 1, 4;
  Eigen::VectorXd y(4);
  y << 4, 3, 2, 1;  // unconstrained: 5 - x
  const RobustFit fit = fit_robust(a, y);
  EXPECT_GE(fit.coefficients[0], 0);
  EXPECT_EQ(fit.coefficients[1], 0);
}

}  // namespace
}  // namespace calvo::models
