#include "models/robust_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/QR>

#include "core/contract.hpp"

namespace calvo::models {
namespace {

constexpr double huber_constant = 1.345;
constexpr double normal_scale = 1.4826;  // of the median absolute deviation
constexpr double least_scale = 1e-12;
constexpr int most_rounds = 50;

double quantile(std::vector<double> values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

/// Least squares with x >= 0 by trying every set of columns: exact, and cheap for a few of them.
Eigen::VectorXd nonnegative_least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& y) {
  const auto columns = static_cast<int>(a.cols());
  Eigen::VectorXd best = Eigen::VectorXd::Zero(columns);
  double least = y.squaredNorm();
  for (unsigned set = 1; set < (1U << columns); ++set) {
    std::vector<int> chosen;
    for (int column = 0; column < columns; ++column) {
      if ((set >> column & 1U) != 0) chosen.push_back(column);
    }
    const Eigen::MatrixXd part = a(Eigen::all, chosen);
    const Eigen::VectorXd x = part.colPivHouseholderQr().solve(y);
    if ((x.array() < 0).any()) continue;
    const double error = (part * x - y).squaredNorm();
    if (error < least) {
      least = error;
      best.setZero();
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        best[chosen[i]] = x[static_cast<Eigen::Index>(i)];
      }
    }
  }
  return best;
}

}  // namespace

RobustFit fit_robust(const Eigen::MatrixXd& a, const Eigen::VectorXd& y) {
  CALVO_EXPECT(a.rows() == y.size() && a.rows() >= a.cols());
  CALVO_EXPECT(a.cols() >= 1 && a.cols() <= 8 && (y.array() > 0).all());
  // Rows over their y: what is fitted is fitted / measured = 1. Columns to unit length.
  Eigen::MatrixXd relative = a.array().colwise() / y.array();
  Eigen::VectorXd length = relative.colwise().norm();
  for (double& one : length) one = one > 0 ? one : 1;
  relative = relative.array().rowwise() / length.transpose().array();
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(y.size());

  Eigen::VectorXd root_weight = ones;
  Eigen::VectorXd x;
  Eigen::VectorXd residual;
  for (int round = 0; round < most_rounds; ++round) {
    const Eigen::VectorXd next = nonnegative_least_squares(root_weight.asDiagonal() * relative,
                                                           root_weight.asDiagonal() * ones);
    residual = relative * next - ones;
    const bool settled = round > 0 && (next - x).norm() <= 1e-12 * (1 + next.norm());
    x = next;
    if (settled) break;
    std::vector<double> sizes(residual.data(), residual.data() + residual.size());
    for (double& size : sizes) size = std::abs(size);
    const double scale = std::max(normal_scale * quantile(sizes, 0.5), least_scale);
    for (Eigen::Index i = 0; i < residual.size(); ++i) {
      const double size = std::abs(residual[i]) / (huber_constant * scale);
      root_weight[i] = size <= 1 ? 1 : std::sqrt(1 / size);
    }
  }

  RobustFit fit;
  const Eigen::VectorXd unscaled = x.array() / length.array();
  fit.coefficients.assign(unscaled.data(), unscaled.data() + unscaled.size());
  fit.relative_residuals.assign(residual.data(), residual.data() + residual.size());
  std::vector<double> sizes = fit.relative_residuals;
  for (double& size : sizes) size = std::abs(size);
  fit.median_error = quantile(sizes, 0.5);
  fit.p90_error = quantile(sizes, 0.9);
  fit.worst_error = *std::ranges::max_element(sizes);
  return fit;
}

}  // namespace calvo::models
