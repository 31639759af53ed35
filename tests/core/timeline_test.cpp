#include "core/timeline.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calvo {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;

Instant at_ms(std::int64_t ms) {
  return Instant{Nanoseconds{ms * 1'000'000}};
}

TEST(LevelHistory, HoldsTheMeanOfEachInterval) {
  LevelHistory history;
  history.add(at_ms(0), at_ms(1), 4);
  history.add(Instant{Nanoseconds{1'500'000}}, at_ms(3), 2);
  EXPECT_EQ(history.interval(), Nanoseconds{1'000'000});
  EXPECT_THAT(history.means(at_ms(3)), ElementsAre(DoubleEq(4), DoubleEq(1), DoubleEq(2)));
}

TEST(LevelHistory, WeighsTheLastIntervalByWhatThereIsOfIt) {
  LevelHistory history;
  history.add(at_ms(0), Instant{Nanoseconds{1'250'000}}, 8);
  EXPECT_THAT(history.means(Instant{Nanoseconds{1'250'000}}),
              ElementsAre(DoubleEq(8), DoubleEq(8)));
}

TEST(LevelHistory, CoarsensInsteadOfGrowing) {
  LevelHistory history;
  history.add(at_ms(0), at_ms(512), 3);
  EXPECT_EQ(history.means(at_ms(512)).size(), LevelHistory::most);
  history.add(at_ms(512), at_ms(513), 3);
  EXPECT_EQ(history.interval(), Nanoseconds{2'000'000});
  EXPECT_EQ(history.means(at_ms(513)).size(), 257U);
  for (const double mean : history.means(at_ms(513))) EXPECT_DOUBLE_EQ(mean, 3);
}

TEST(LevelHistory, LosesNoneOfTheAreaOnAnySeed) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 draw(seed);
    LevelHistory history;
    double area = 0;
    std::int64_t now = 0;
    for (int i = 0; i < 300; ++i) {
      const auto step = static_cast<std::int64_t>(draw() % 40'000'000);
      const double level = static_cast<double>(draw() % 100);
      history.add(Instant{Nanoseconds{now}}, Instant{Nanoseconds{now + step}}, level);
      area += level * static_cast<double>(step);
      now += step;
    }
    const std::vector<double> means = history.means(Instant{Nanoseconds{now}});
    ASSERT_LE(means.size(), LevelHistory::most) << "seed " << seed;
    double sum = 0;
    for (std::size_t i = 0; i < means.size(); ++i) {
      const std::int64_t begin = static_cast<std::int64_t>(i) * history.interval().count();
      sum += means[i] * static_cast<double>(std::min(history.interval().count(), now - begin));
    }
    EXPECT_NEAR(sum, area, area * 1e-9) << "seed " << seed;
  }
}

TEST(MemoryUse, TellsItsHistoryAsSharesUntilTheEnd) {
  MemoryUse use;
  use.note(at_ms(1), 5);
  use.note(at_ms(2), 10);
  const MemoryHistory history = use.history("gpu", at_ms(3), 10);
  EXPECT_EQ(history.name, "gpu");
  EXPECT_THAT(history.shares, ElementsAre(DoubleEq(0), DoubleEq(0.5), DoubleEq(1)));
}

}  // namespace
}  // namespace calvo
