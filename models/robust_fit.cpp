#include "models/robust_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "models/least_squares.hpp"

namespace calvo::models {
namespace {

constexpr double bisquare_constant = 4.685;
constexpr double normal_scale = 1.4826;  // of the median absolute deviation
constexpr double least_scale = 0.01;     // below it every row is taken for sound
constexpr int most_rounds = 50;
constexpr int most_subsets = 4000;  // of rows, for each set of columns

double quantile(std::vector<double> values, double share) {
  const std::ptrdiff_t at = std::lround(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

std::vector<int> columns_of(unsigned set) {
  std::vector<int> chosen;
  for (int column = 0; set >> column != 0; ++column) {
    if ((set >> column & 1U) != 0) chosen.push_back(column);
  }
  return chosen;
}

double median_size(const Eigen::VectorXd& residual) {
  std::vector<double> sizes(residual.data(), residual.data() + residual.size());
  for (double& size : sizes) size = std::abs(size);
  return quantile(std::move(sizes), 0.5);
}

/// The next set of as many of `rows` rows, in lexicographic order; false: that was the last.
bool advance(std::vector<int>& subset, int rows) {
  const auto size = static_cast<int>(subset.size());
  for (int i = size; i-- > 0;) {
    if (subset[static_cast<std::size_t>(i)] == rows - size + i) continue;
    int next = ++subset[static_cast<std::size_t>(i)];
    for (int j = i + 1; j < size; ++j) subset[static_cast<std::size_t>(j)] = ++next;
    return true;
  }
  return false;
}

double subsets(int rows, std::size_t of) {
  double count = 1;
  for (std::size_t i = 0; i < of; ++i) {
    count *= (rows - static_cast<double>(i)) / (static_cast<double>(i) + 1);
  }
  return count;
}

/// Least median of squares with x >= 0: the best of the exact fits of as many rows as columns.
Eigen::VectorXd least_median(const Eigen::MatrixXd& a, const Eigen::VectorXd& y) {
  const auto rows = static_cast<int>(a.rows());
  Eigen::VectorXd best = Eigen::VectorXd::Zero(a.cols());
  double least = median_size(y);
  for (unsigned set = 1; set < (1U << a.cols()); ++set) {
    const std::vector<int> columns = columns_of(set);
    std::vector<int> chosen(columns.size());
    std::iota(chosen.begin(), chosen.end(), 0);
    const bool all = subsets(rows, columns.size()) <= most_subsets;
    Random random(0x6c6d73, set);
    for (int tried = 0; tried < most_subsets; ++tried) {
      if (!all) {  // a few rows may be drawn twice: such a subset has no exact fit, and is passed
                   // by
        for (int& row : chosen)
          row = static_cast<int>(random.below(static_cast<std::uint64_t>(rows)));
      }
      const Eigen::MatrixXd part = a(chosen, columns);
      const Eigen::VectorXd x = least_squares(part, y(chosen));
      if (x.allFinite() && (x.array() >= 0).all()) {
        const double median = median_size(a(Eigen::all, columns) * x - y);
        if (median < least) {
          least = median;
          best.setZero();
          for (std::size_t i = 0; i < columns.size(); ++i) {
            best[columns[i]] = x[static_cast<Eigen::Index>(i)];
          }
        }
      }
      if (all && !advance(chosen, rows)) break;
    }
  }
  return best;
}

/// Least squares with x >= 0 by trying every set of columns: exact, and cheap for a few of them.
Eigen::VectorXd nonnegative_least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& y) {
  const auto columns = static_cast<int>(a.cols());
  Eigen::VectorXd best = Eigen::VectorXd::Zero(columns);
  double least = y.squaredNorm();
  for (unsigned set = 1; set < (1U << columns); ++set) {
    const std::vector<int> chosen = columns_of(set);
    const Eigen::MatrixXd part = a(Eigen::all, chosen);
    const Eigen::VectorXd x = least_squares(part, y);
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

  Eigen::VectorXd x = least_median(relative, ones);
  Eigen::VectorXd residual = relative * x - ones;
  const double scale = std::max(normal_scale * median_size(residual), least_scale);
  Eigen::VectorXd root_weight(y.size());
  for (int round = 0; round < most_rounds; ++round) {
    for (Eigen::Index i = 0; i < residual.size(); ++i) {
      const double size = std::abs(residual[i]) / (bisquare_constant * scale);
      root_weight[i] = size < 1 ? 1 - size * size : 0;
    }
    const Eigen::VectorXd next = nonnegative_least_squares(root_weight.asDiagonal() * relative,
                                                           root_weight.asDiagonal() * ones);
    const bool settled = (next - x).norm() <= 1e-12 * (1 + next.norm());
    x = next;
    residual = relative * x - ones;
    if (settled) break;
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
