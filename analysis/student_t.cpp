#include "analysis/student_t.hpp"

#include <cmath>
#include <vector>

#include <boost/math/distributions/students_t.hpp>

#include "core/contract.hpp"

namespace calvo::analysis {

double student_t_quantile(double p, double degrees) {
  CALVO_EXPECT(p > 0 && p < 1 && degrees > 0);
  return boost::math::quantile(boost::math::students_t(degrees), p);
}

double student_t_two_sided(double t, double degrees) {
  CALVO_EXPECT(degrees > 0);
  if (std::isinf(t)) return 0;
  return 2 * boost::math::cdf(boost::math::students_t(degrees), -std::abs(t));
}

MeanInterval mean_interval(std::span<const double> values, double level) {
  CALVO_EXPECT(level > 0 && level < 1);
  const Spread spread = spread_of({values.begin(), values.end()});
  MeanInterval result{spread.mean, spread.std_dev, spread.count, std::nullopt};
  if (spread.count < 2) return result;
  const auto count = static_cast<double>(spread.count);
  const double half =
      student_t_quantile((1 + level) / 2, count - 1) * spread.std_dev / std::sqrt(count);
  result.interval = {spread.mean - half, spread.mean + half};
  return result;
}

}  // namespace calvo::analysis
