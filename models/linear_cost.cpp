#include "models/linear_cost.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Core>

#include "core/contract.hpp"
#include "models/least_squares.hpp"

namespace calvo::models {

namespace {

double tokens_of(Tokens tokens) {
  return static_cast<double>(tokens.count());
}

struct Line {
  double slope = 0;
  double fixed = 0;
  double at(double x) const { return slope * x + fixed; }
};

// Weighted least squares of y = slope x + fixed.
Line weighted_line(const Eigen::VectorXd& x, const Eigen::VectorXd& y, const Eigen::VectorXd& w) {
  const Eigen::VectorXd root = w.cwiseSqrt();
  Eigen::MatrixXd a(x.size(), 2);
  a.col(0) = root.cwiseProduct(x);
  a.col(1) = root;
  const Eigen::VectorXd b = root.cwiseProduct(y);
  const Eigen::VectorXd solution = least_squares(a, b);
  if (solution[0] >= 0 && solution[1] >= 0) return {solution[0], solution[1]};
  // On the border of what a time can be: the better of a line through 0 and a constant.
  const Line through_zero{std::max(0.0, a.col(0).dot(b) / a.col(0).squaredNorm()), 0};
  const Line constant{0, std::max(0.0, a.col(1).dot(b) / a.col(1).squaredNorm())};
  const auto error = [&](const Line& line) {
    return (a.col(0) * line.slope + a.col(1) * line.fixed - b).squaredNorm();
  };
  return error(through_zero) <= error(constant) ? through_zero : constant;
}

Line robust_line(const std::vector<double>& xs, const std::vector<double>& ys) {
  CALVO_EXPECT(xs.size() >= 2);
  const auto count = static_cast<Eigen::Index>(xs.size());
  const Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXd>(xs.data(), count);
  const Eigen::VectorXd y = Eigen::Map<const Eigen::VectorXd>(ys.data(), count);
  CALVO_EXPECT(x.minCoeff() < x.maxCoeff() && y.minCoeff() > 0);
  const Eigen::VectorXd relative = y.cwiseProduct(y).cwiseInverse();
  Line line = weighted_line(x, y, relative);
  for (int round = 0; round < 30; ++round) {
    Eigen::VectorXd error = ((x * line.slope).array() + line.fixed - y.array()).abs() / y.array();
    std::vector<double> sorted(error.data(), error.data() + count);
    std::ranges::nth_element(sorted, sorted.begin() + count / 2);
    // 1.4826 x the median of the absolute errors estimates sigma whatever the odd ones do.
    const double limit = 1.345 * 1.4826 * sorted[static_cast<std::size_t>(count / 2)];
    if (!(limit > 1e-12)) break;
    const Eigen::VectorXd weight =
        error.unaryExpr([limit](double e) { return e <= limit ? 1.0 : limit / e; });
    const Line next = weighted_line(x, y, relative.cwiseProduct(weight));
    const double moved =
        std::abs(next.slope - line.slope) * x.maxCoeff() + std::abs(next.fixed - line.fixed);
    line = next;
    if (moved < 1e-12 * y.maxCoeff()) break;
  }
  return line;
}

void measure(const Line& line, const std::vector<double>& xs, const std::vector<double>& ys,
             double& rms, double& worst) {
  double squares = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const double error = line.at(xs[i]) / ys[i] - 1;
    squares += error * error;
    worst = std::max(worst, std::abs(error));
  }
  rms = std::sqrt(squares / static_cast<double>(xs.size()));
}

}  // namespace

Seconds LinearCost::load(const Work& work) const {
  const Tokens hit = work.remote + work.host;
  if (hit.count() == 0) return Seconds{0};
  return tokens_of(hit) * options_.load_per_token + options_.load_fixed;
}

Seconds LinearCost::compute(const Work& work) const {
  return tokens_of(work.compute) * options_.compute_per_token + options_.compute_fixed;
}

LinearFit fit_linear_cost(const CostModel& rich, std::span<const Work> samples) {
  std::vector<double> hits;
  std::vector<double> loads;
  std::vector<double> news;
  std::vector<double> computes;
  for (const Work& work : samples) {
    const double load = rich.load(work).count();
    if (load > 0) {
      hits.push_back(tokens_of(work.remote + work.host));
      loads.push_back(load);
    }
    news.push_back(tokens_of(work.compute));
    computes.push_back(rich.compute(work).count());
  }
  const Line load = robust_line(hits, loads);
  const Line compute = robust_line(news, computes);
  LinearFit fit;
  fit.options = {Seconds{load.slope}, Seconds{load.fixed}, Seconds{compute.slope},
                 Seconds{compute.fixed}};
  measure(load, hits, loads, fit.load_rms, fit.load_worst);
  measure(compute, news, computes, fit.compute_rms, fit.compute_worst);
  return fit;
}

std::vector<Work> profile_grid(Tokens max_context) {
  CALVO_EXPECT(max_context.count() >= 4096);
  std::vector<Work> samples;
  for (std::int64_t part = 0; part <= 8; ++part) {
    for (std::int64_t new_tokens = 16; new_tokens <= 4096; new_tokens *= 2) {
      samples.push_back({.remote = Tokens{max_context.count() * part / 8},
                         .host = {},
                         .gpu = {},
                         .compute = Tokens{new_tokens}});
    }
  }
  return samples;
}

}  // namespace calvo::models
