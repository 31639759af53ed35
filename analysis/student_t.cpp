#include "analysis/student_t.hpp"

#include <cmath>

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

}  // namespace calvo::analysis
