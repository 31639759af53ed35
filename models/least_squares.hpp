#pragma once

#include <Eigen/Core>

namespace calvo::models {

/// The x with the least |A x - b|, by a pivoting QR decomposition. The one place that has Eigen's:
/// it takes some five seconds to compile for each type of matrix.
Eigen::VectorXd least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& b);

}  // namespace calvo::models
