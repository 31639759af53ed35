// Random numbers that are the same on every machine and in every build: the standard library's
// distributions are not specified to the bit, these are.
#pragma once

#include <cstdint>

namespace calvo {

/// Bijective scrambling of 64 bits. Source: SplitMix64, Steele, Lea, Flood, OOPSLA 2014.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// A counter-based generator: the n-th number depends on (seed, stream, n) only, so each thing that
/// needs chance (a request, a session) takes a stream of its own and does not disturb the others.
class Random {
public:
  explicit constexpr Random(std::uint64_t seed, std::uint64_t stream = 0)
      : state_(mix_bits(mix_bits(seed + golden) + golden * (stream + 1))) {}

  constexpr std::uint64_t bits() { return mix_bits(state_ += golden); }

  /// In [0, 1), 53 bits.
  constexpr double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  /// In [0, n), without bias that matters (n / 2^64). Requires: n > 0.
  std::uint64_t below(std::uint64_t n);

  /// Mean 0, variance 1 (Box-Muller, one of the pair).
  double normal();

  /// Requires: mean > 0 (likewise below).
  double exponential(double mean);

  /// Mean shape * scale. Source: Marsaglia and Tsang, ACM TOMS 26 (2000) 363-372.
  double gamma(double shape, double scale);

  double weibull(double shape, double scale);

  /// By its own mean and coefficient of variation, not by those of its logarithm. cv 0: the mean.
  double lognormal(double mean, double cv);

private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;
  std::uint64_t state_;
};

}  // namespace calvo
