// Whether compare calls chance a difference, on runs of the control plane: one engine with other
// seeds, and two engines that differ in nothing but which of equal requests goes first.
//
// Requests come in bursts and are served in order of arrival, so that all of a burst are equal.
// The control plane takes equal requests as it hears of them: to be told of them in an order that
// dice have drawn is to break the ties by these dice.
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "analysis/group_comparison.hpp"
#include "core/random.hpp"
#include "tests/control/engines.hpp"
#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {
namespace {

using analysis::RunGroup;

constexpr std::size_t seeds = 80;
constexpr std::size_t dice = 3;
constexpr std::size_t shortest_first = dice;  ///< in place of dice
constexpr std::size_t runs = 10;              ///< of an engine, in a comparison

/// Mean TTFT of 30 requests in six bursts, a function of `seed` but for the order within bursts.
double mean_ttft_ms(std::uint64_t seed, std::size_t ties) {
  Random random(seed, 1);
  std::deque<RequestSpec> specs;
  Instant arrival{};
  for (std::uint64_t id = 0; id < 30; ++id) {
    if (id % 5 == 0) {
      arrival += Nanoseconds{static_cast<std::int64_t>(random.exponential(5e6))};
    }
    RequestSpec& spec = specs.emplace_back();
    spec.id = RequestId{id};
    spec.session = SessionId{id};
    spec.arrival = arrival;
    const auto cached = 1 + static_cast<std::int32_t>(random.below(40));
    spec.input = Tokens{16 * cached + 1 + static_cast<std::int64_t>(random.below(50))};
    spec.output = Tokens{1};
    spec.blocks = {{BlockId{1000 * (id + 1)}, cached}};
    spec.prompt_blocks = cached;
  }
  const auto rank = [&](const RequestSpec* spec) {
    return ties == shortest_first ? static_cast<std::uint64_t>(spec->input.count())
                                  : Random(seed * dice + ties, 2 + raw(spec->id)).bits();
  };
  std::vector<const RequestSpec*> told;
  for (const RequestSpec& spec : specs) told.push_back(&spec);
  std::ranges::sort(told, [&](const RequestSpec* a, const RequestSpec* b) {
    return a->arrival != b->arrival ? a->arrival < b->arrival : rank(a) < rank(b);
  });

  FakeDriver::Setup setup;
  setup.engine = calvo_fifo();
  setup.resources.block_tokens = Tokens{16};
  setup.resources.block_bytes = Bytes{1 << 16};
  setup.resources.gpu_blocks = setup.resources.host_blocks = 4096;
  setup.resources.storage_nodes = 1;
  const LineCost estimates;
  FakeDriver driver(setup, Hardware{}, estimates);
  for (const RequestSpec* spec : told) {
    driver.preload(spec->blocks.front());
    driver.add(*spec);
  }
  EXPECT_TRUE(driver.run(10'000));
  Nanoseconds sum{0};
  for (const auto& [id, ended] : driver.ended()) {
    sum += ended.times.first_token - ended.times.arrival;
  }
  EXPECT_EQ(driver.ended().size(), specs.size());
  return 1e3 * to_seconds(sum).count() / static_cast<double>(specs.size());
}

/// [seed][ties], in ms.
const std::vector<std::array<double, dice + 1>>& outcomes() {
  static const auto all = [] {
    std::vector<std::array<double, dice + 1>> result(seeds);
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      for (std::size_t ties = 0; ties <= dice; ++ties) {
        result[seed][ties] = mean_ttft_ms(seed, ties);
      }
    }
    return result;
  }();
  return all;
}

/// Seeds in an order that `random` draws.
std::vector<std::size_t> shuffled(Random& random) {
  std::vector<std::size_t> order(seeds);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = seeds; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

void add_run(RunGroup& group, std::size_t seed, std::size_t ties) {
  analysis::Summary summary;
  summary.ttft.count = 30;
  summary.ttft.mean = outcomes()[seed][ties];
  group.samples.push_back({"", seed, analysis::result_of(summary)});
}

/// In what share of comparisons the second engine is called another than the first.
/// `fill(random, first, second)` gives both their runs.
double called_different(int comparisons,
                        const std::function<void(Random&, RunGroup&, RunGroup&)>& fill) {
  int called = 0;
  for (int i = 0; i < comparisons; ++i) {
    Random random(static_cast<std::uint64_t>(i), 3);
    std::vector<RunGroup> groups = {{"first", {}}, {"second", {}}};
    fill(random, groups[0], groups[1]);
    const auto values = analysis::compare_groups(groups, {"mean_ttft_ms"}).values;
    called += values.back().significant() ? 1 : 0;
  }
  ::testing::Test::RecordProperty("called_different", called);
  return called / static_cast<double>(comparisons);
}

TEST(TieBreaks, ChangeTheOutcomeOfNearlyEverySeed) {
  const auto differ = std::ranges::count_if(
      outcomes(), [](const auto& of) { return of[0] != of[1] && of[1] != of[2]; });
  EXPECT_GE(differ, seeds * 9 / 10);
}

TEST(TieBreaks, ByOtherDiceAreCalledADifferenceInAtMost7Percent) {
  EXPECT_LE(called_different(250,
                             [](Random& random, RunGroup& first, RunGroup& second) {
                               const auto order = shuffled(random);
                               for (std::size_t i = 0; i < runs; ++i) {
                                 const std::size_t ours = random.below(dice);
                                 const std::size_t theirs =
                                     (ours + 1 + random.below(dice - 1)) % dice;
                                 add_run(first, order[i], ours);
                                 add_run(second, order[i], theirs);
                               }
                             }),
            0.07);
}

TEST(TieBreaks, ForTheShorterAreNearlyAlwaysCalledADifference) {
  EXPECT_GE(called_different(20,
                             [](Random& random, RunGroup& first, RunGroup& second) {
                               const auto order = shuffled(random);
                               for (std::size_t i = 0; i < runs; ++i) {
                                 add_run(first, order[i], random.below(dice));
                                 add_run(second, order[i], shortest_first);
                               }
                             }),
            0.9)
      << "compare would call nothing a difference";
}

TEST(SameEngine, WithOtherSeedsIsCalledADifferenceInAtMost7Percent) {
  EXPECT_LE(called_different(150,
                             [](Random& random, RunGroup& first, RunGroup& second) {
                               const auto order = shuffled(random);
                               for (std::size_t i = 0; i < runs; ++i) {
                                 add_run(first, order[i], 0);
                                 add_run(second, order[runs + i], 0);
                               }
                             }),
            0.07);
}

}  // namespace
}  // namespace calvo::control::fake
