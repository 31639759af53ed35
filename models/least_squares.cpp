#include "models/least_squares.hpp"

#include <Eigen/QR>

namespace calvo::models {

Eigen::VectorXd least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& b) {
  return a.colPivHouseholderQr().solve(b);
}

}  // namespace calvo::models
