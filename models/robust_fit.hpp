#pragma once

#include <vector>

#include <Eigen/Core>

namespace calvo::models {

/// y ~ A x with x >= 0.
struct RobustFit {
  std::vector<double> coefficients;
  std::vector<double> relative_residuals;  ///< fitted / measured - 1, one per row
  double median_error = 0;                 ///< of their absolute values
  double p90_error = 0;
  double worst_error = 0;
};

/// Fits relative errors, since a time of 10 us deserves as much as one of 10 ms, with Huber's
/// weights (Huber, Annals of Mathematical Statistics 35 (1964) 73-101; tuning constant 1.345 of a
/// scale that is 1.4826 times the median absolute residual), so that a few disturbed measurements
/// do not bend it. Coefficients are not negative: of all sets of columns the best that agrees.
/// Requires: as many rows as columns at least, 1 to 8 columns, y > 0.
RobustFit fit_robust(const Eigen::MatrixXd& a, const Eigen::VectorXd& y);

}  // namespace calvo::models
