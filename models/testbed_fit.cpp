#include "models/testbed_fit.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/contract.hpp"
#include "models/robust_fit.hpp"

namespace calvo::models {
namespace {

// Where a coefficient comes out as 0, the least that the models take.
constexpr double least_time = 1e-9;
constexpr double fastest = 1e15;  // bytes/s

void widen(FitRange& range, std::int64_t value) {
  range.least = std::min(range.least, value);
  range.most = std::max(range.most, value);
}

/// Nowhere, to be widened by each point.
FitRange range_of(const char* axis) {
  return {axis, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
}

FitQuality quality_of(const RobustFit& fit, std::vector<FitRange> ranges) {
  return {static_cast<int>(fit.relative_residuals.size()), fit.median_error, fit.p90_error,
          fit.worst_error, std::move(ranges)};
}

}  // namespace

TransferFit fit_transfer(std::span<const TransferPoint> points) {
  const auto rows = static_cast<Eigen::Index>(points.size());
  Eigen::MatrixXd a(rows, 3);
  Eigen::VectorXd y(rows);
  FitRange size = range_of("size");
  FitRange count = range_of("operations");
  for (Eigen::Index i = 0; i < rows; ++i) {
    const TransferPoint& point = points[static_cast<std::size_t>(i)];
    const auto operations = static_cast<double>(point.operations);
    a.row(i) << 1, operations, operations * static_cast<double>(point.size.count());
    y[i] = point.time.count();
    widen(size, point.size.count());
    widen(count, point.operations);
  }
  const RobustFit fit = fit_robust(a, y);
  TransferFit result;
  result.model.latency = Seconds{fit.coefficients[0]};
  result.model.per_operation = Seconds{fit.coefficients[1]};
  result.model.bandwidth = BytesPerSecond{1 / std::max(fit.coefficients[2], 1 / fastest)};
  result.quality = quality_of(fit, {size, count});
  return result;
}

ComputeFit fit_compute(std::span<const StepPoint> points, std::int32_t layers) {
  const auto is_prefill = [](const StepPoint& point) { return point.new_tokens > Tokens{0}; };
  const auto prefills = std::ranges::count_if(points, is_prefill);
  const auto decodes = static_cast<std::ptrdiff_t>(points.size()) - prefills;
  CALVO_EXPECT(prefills >= 3 && decodes >= 3);
  Eigen::MatrixXd prefill(prefills, 3);
  Eigen::VectorXd prefill_time(prefills);
  Eigen::MatrixXd decode(decodes, 3);
  Eigen::VectorXd decode_time(decodes);
  FitRange new_tokens = range_of("new_tokens");
  FitRange prefix = range_of("prefix");
  FitRange batch = range_of("batch");
  FitRange attended = range_of("context");
  Eigen::Index p = 0;
  Eigen::Index d = 0;
  for (const StepPoint& point : points) {
    const auto context = static_cast<double>(point.context.count());
    if (is_prefill(point)) {
      const auto tokens = static_cast<double>(point.new_tokens.count());
      prefill.row(p) << 1, tokens, tokens * (context + tokens / 2);
      prefill_time[p++] = point.time.count();
      widen(new_tokens, point.new_tokens.count());
      widen(prefix, point.context.count());
    } else {
      decode.row(d) << 1, static_cast<double>(point.sequences), context;
      decode_time[d++] = point.time.count();
      widen(batch, point.sequences);
      widen(attended, point.context.count());
    }
  }
  const RobustFit prompt = fit_robust(prefill, prefill_time);
  const RobustFit next = fit_robust(decode, decode_time);
  ComputeFit result;
  result.options.prefill_fixed = Seconds{prompt.coefficients[0]};
  result.options.per_token = Seconds{std::max(prompt.coefficients[1], least_time)};
  result.options.per_pair = Seconds{prompt.coefficients[2]};
  result.options.decode_fixed = Seconds{next.coefficients[0]};
  result.options.per_sequence = Seconds{std::max(next.coefficients[1], least_time)};
  result.options.per_context_token = Seconds{next.coefficients[2]};
  result.options.layers = layers;
  result.prefill = quality_of(prompt, {new_tokens, prefix});
  result.decode = quality_of(next, {batch, attended});
  return result;
}

}  // namespace calvo::models
