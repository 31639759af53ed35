// The cheapest combination is found, whatever it is, and without trying them all.
#include "sweeps/size_search.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::sweeps::testing {
namespace {

using ::testing::ElementsAre;

/// Every combination of slots with so many options, at random prices of their options.
std::vector<Combination> random_combinations(const std::vector<std::size_t>& options,
                                             Random& random) {
  std::vector<std::vector<double>> prices;
  for (const std::size_t count : options) {
    prices.emplace_back();
    for (std::size_t i = 0; i < count; ++i) prices.back().push_back(double(random.below(1000)));
  }
  std::vector<Combination> all = {{}};
  for (std::size_t slot = 0; slot < options.size(); ++slot) {
    std::vector<Combination> longer;
    for (const Combination& each : all) {
      for (std::size_t i = 0; i < options[slot]; ++i) {
        longer.push_back(each);
        longer.back().choice.push_back(i);
        longer.back().price += prices[slot][i];
      }
    }
    all = std::move(longer);
  }
  std::ranges::stable_sort(all, {}, &Combination::price);
  return all;
}

struct Found {
  std::optional<std::size_t> best;
  std::size_t tried = 0;
};

template <class Meets>
Found search(const std::vector<Combination>& all, bool ordered, Meets meets) {
  CheapestSearch search(all, std::vector<bool>(all.front().choice.size(), ordered));
  std::set<std::size_t> tried;
  while (const auto position = search.next()) {
    EXPECT_TRUE(tried.insert(*position).second) << "asked twice";
    search.tell(*position,
                meets(*position) ? CheapestSearch::Answer::meets : CheapestSearch::Answer::misses);
  }
  return {search.best(), tried.size()};
}

template <class Meets>
std::optional<std::size_t> first_that(const std::vector<Combination>& all, Meets meets) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (meets(i)) return i;
  }
  return std::nullopt;
}

TEST(CheapestSearch, FindsTheCheapestOfOrderedSlotsWithoutTryingThemAll) {
  std::size_t tried = 0;
  std::size_t all_together = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    const auto all = random_combinations({4, 3, 5, 2}, random);
    const double wanted = 10 * random.uniform();
    const auto meets = [&](std::size_t position) {  // better options never hurt
      const auto& choice = all[position].choice;
      return double(std::min(choice[0], choice[2]) + choice[1] + choice[3]) >= wanted;
    };
    const Found found = search(all, true, meets);
    EXPECT_EQ(found.best, first_that(all, meets)) << "seed " << seed;
    tried += found.tried;
    all_together += all.size();
  }
  EXPECT_LT(4 * tried, all_together);
}

TEST(CheapestSearch, AssumesNothingOfSlotsThatAreNotOrdered) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    const auto all = random_combinations({3, 4, 3}, random);
    std::vector<bool> good;
    for (std::size_t i = 0; i < all.size(); ++i) good.push_back(random.below(8) == 0);
    const auto meets = [&](std::size_t position) { return good[position]; };
    const Found found = search(all, false, meets);
    const auto best = first_that(all, meets);
    EXPECT_EQ(found.best, best) << "seed " << seed;
    EXPECT_EQ(found.tried, best ? *best + 1 : all.size()) << "from the cheapest on";
  }
}

TEST(CheapestSearch, WhatIsImpossibleRulesOutItselfOnly) {
  const std::vector<Combination> all = {{{0}, {1}, 1}, {{1}, {1}, 2}, {{2}, {1}, 3}};
  CheapestSearch search(all, {true});
  search.tell(2, CheapestSearch::Answer::impossible);
  EXPECT_EQ(search.undecided(), 2);
  search.tell(1, CheapestSearch::Answer::misses);
  EXPECT_EQ(search.undecided(), 0);
  EXPECT_EQ(search.next(), std::nullopt);
  EXPECT_EQ(search.best(), std::nullopt);
}

TEST(Savings, AreACheaperOptionOfEachSlotAndTheNextCheaperOfAll) {
  // by price:                 0              1              2              3
  const std::vector<Combination> all = {{{0, 0}, {}, 10}, {{1, 0}, {}, 15}, {{0, 1}, {}, 16},
                                        {{2, 0}, {}, 20}, {{1, 1}, {}, 21}, {{2, 1}, {}, 26}};
  EXPECT_THAT(savings(all, 5), ElementsAre(4, 3));
  EXPECT_THAT(savings(all, 3), ElementsAre(1, 2));
  EXPECT_THAT(savings(all, 0), ElementsAre());
}

}  // namespace
}  // namespace calvo::sweeps::testing
