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

/// Fits relative errors, since a time of 10 us deserves as much as one of 10 ms, as an MM-estimator
/// does (Yohai, Annals of Statistics 15 (1987) 642-656): from the least median of squares
/// (Rousseeuw, JASA 79 (1984) 871-880) over all subsets of rows that fix the coefficients, or 4,000
/// drawn ones, by Tukey's bisquare weights (constant 4.685 of a scale that is 1.4826 times that
/// median, 1 % at least). Up to half of the rows, wherever they lie, do not bend it: that matters
/// for messages so small that a link's burst lets them pass at once. Coefficients are not negative.
/// Requires: as many rows as columns at least, 1 to 8 columns, y > 0.
RobustFit fit_robust(const Eigen::MatrixXd& a, const Eigen::VectorXd& y);

}  // namespace calvo::models
