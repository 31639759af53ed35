#include "core/random.hpp"

#include <cmath>
#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace calvo {
namespace {

TEST(Random, GivesTheSameNumbersEverywhere) {
  Random random(1);
  EXPECT_EQ(random.bits(), 12793040940332582595ULL);
}

TEST(Random, StreamsAndSeedsDiffer) {
  EXPECT_NE(Random(1, 0).bits(), Random(1, 1).bits());
  EXPECT_NE(Random(1, 0).bits(), Random(2, 0).bits());
  EXPECT_EQ(Random(7, 3).bits(), Random(7, 3).bits());
}

TEST(Random, BelowReachesEveryValueAndNoOther) {
  Random random(3);
  int counts[5] = {};
  for (int i = 0; i < 50'000; ++i) ++counts[random.below(5)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

struct Law {
  const char* name;
  std::function<double(Random&)> draw;
  double mean;
  double deviation;
};

class RandomLaw : public ::testing::TestWithParam<Law> {};

TEST_P(RandomLaw, HasItsMeanAndDeviation) {
  const Law& law = GetParam();
  Random random(11);
  constexpr int draws = 400'000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < draws; ++i) {
    const double value = law.draw(random);
    sum += value;
    squares += value * value;
  }
  const double mean = sum / draws;
  EXPECT_NEAR(mean, law.mean, 5 * law.deviation / std::sqrt(draws));
  EXPECT_NEAR(std::sqrt(squares / draws - mean * mean), law.deviation, 0.04 * law.deviation);
}

INSTANTIATE_TEST_SUITE_P(
    Random, RandomLaw,
    ::testing::Values(Law{"Uniform", [](Random& r) { return r.uniform(); }, 0.5,
                          std::sqrt(1.0 / 12)},
                      Law{"Normal", [](Random& r) { return r.normal(); }, 0, 1},
                      Law{"Exponential", [](Random& r) { return r.exponential(3); }, 3, 3},
                      Law{"BurstyGamma", [](Random& r) { return r.gamma(0.25, 4); }, 1, 2},
                      Law{"RegularGamma", [](Random& r) { return r.gamma(4, 0.25); }, 1, 0.5},
                      Law{"Weibull", [](Random& r) { return r.weibull(2, 1); }, std::tgamma(1.5),
                          std::sqrt(1 - std::tgamma(1.5) * std::tgamma(1.5))},
                      Law{"Lognormal", [](Random& r) { return r.lognormal(10, 0.5); }, 10, 5}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace calvo
