#include "core/random.hpp"

#include <cmath>
#include <numbers>

#include "core/contract.hpp"

namespace calvo {

std::uint64_t Random::below(std::uint64_t n) {
  CALVO_EXPECT(n > 0);
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits()) * n) >> 64);
}

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

double Random::exponential(double mean) {
  CALVO_EXPECT(mean > 0);
  return -mean * std::log1p(-uniform());
}

double Random::gamma(double shape, double scale) {
  CALVO_EXPECT(shape > 0 && scale > 0);
  // Below 1: a draw at shape + 1, scaled down by u^(1/shape).
  const double boost = shape < 1 ? std::exp(std::log1p(-uniform()) / shape) : 1;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log1p(-uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return boost * d * v * scale;
    }
  }
}

double Random::weibull(double shape, double scale) {
  CALVO_EXPECT(shape > 0 && scale > 0);
  return scale * std::pow(-std::log1p(-uniform()), 1 / shape);
}

double Random::lognormal(double mean, double cv) {
  CALVO_EXPECT(mean > 0 && cv >= 0);
  const double variance = std::log1p(cv * cv);
  return mean * std::exp(std::sqrt(variance) * normal() - variance / 2);
}

}  // namespace calvo
