// Measured functions: times by one or two sizes, piecewise linear between the measured points.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace calvo::models {

/// The straight piece of a function at some x: value there, slope to the right, where it ends.
struct Piece {
  double value = 0;
  double slope = 0;
  double end = std::numeric_limits<double>::infinity();
};

/// A non-decreasing piecewise linear function of x >= 0. Below the first point it is constant,
/// beyond the last one it goes on with `tail_slope`. Cost of a call: one binary search.
class Curve {
public:
  Curve() = default;  ///< zero everywhere
  /// Where `y` falls, it takes the nearest non-decreasing values (isotonic least squares): noise
  /// must not make more work take less time.
  /// Requires: as many x as y, at least one; x strictly increasing.
  Curve(std::vector<double> x, std::vector<double> y, double tail_slope);
  /// The tail goes on at the last point's rate: y / x.
  static Curve at_constant_rate(std::vector<double> x, std::vector<double> y);

  double at(double x) const { return piece(x).value; }
  Piece piece(double x) const;

  const std::vector<double>& x() const { return x_; }
  const std::vector<double>& y() const { return y_; }
  double tail_slope() const { return tail_slope_; }

  Curve scaled(double factor) const;
  /// f(x) as a function of x / factor.
  Curve stretched(double factor) const;
  friend Curve operator+(const Curve& a, const Curve& b);

private:
  std::vector<double> x_;
  std::vector<double> y_;
  double tail_slope_ = 0;
};

/// One row of a surface: the curve at `at` of the first variable.
struct SurfaceRow {
  double at = 0;
  Curve curve;
};

/// A function of two sizes, first the number of sequences, non-decreasing in both: linear between
/// the rows, proportional to the first variable beyond the last one.
class Surface {
public:
  Surface() = default;  ///< zero everywhere
  /// Rows that end early go on in parallel with the row before, as much steeper as they have more
  /// sequences. Requires: rows in increasing order of `at`, their x among those of the first row.
  explicit Surface(std::vector<SurfaceRow> rows);

  double at(double sequences, double x) const { return piece(sequences, x).value; }
  Piece piece(double sequences, double x) const;  ///< along x
  const std::vector<SurfaceRow>& rows() const { return rows_; }
  Surface scaled(double factor) const;

private:
  std::vector<SurfaceRow> rows_;
};

}  // namespace calvo::models
