#include "realrun/engine/places.hpp"

#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::realrun {
namespace {

Places with_books(std::int32_t count, const std::set<std::uint64_t>& books) {
  return Places(count,
                {[&books](BlockId block) { return books.contains(raw(block)); }, nullptr, nullptr});
}

TEST(Places, AreSweptOnlyWhenNoneIsFree) {
  std::set<std::uint64_t> books = {1, 2};
  Places places = with_books(3, books);
  const std::int32_t one = places.take_for(BlockId{1});
  const std::int32_t two = places.take_for(BlockId{2});
  places.drop(one);
  places.drop(two);
  books.erase(1);  // evicted, and nobody said so
  EXPECT_EQ(places.find(BlockId{1}), one);
  places.take();
  EXPECT_EQ(places.find(BlockId{1}), one);
  EXPECT_EQ(places.take(), one);
  EXPECT_EQ(places.find(BlockId{1}), Places::none);
  EXPECT_EQ(places.find(BlockId{2}), two);
}

TEST(Places, ABlockThatComesBackFindsItsOldPlace) {
  std::set<std::uint64_t> books = {1};
  Places places = with_books(2, books);
  const std::int32_t place = places.take_for(BlockId{1});
  places.drop(place);
  EXPECT_EQ(places.take_for(BlockId{1}), place);
}

TEST(Places, WhatATransferMayStillWriteIsNotGivenOut) {
  const std::set<std::uint64_t> books = {1};
  Places places = with_books(2, books);
  const std::int32_t late = places.take_for(BlockId{1});  // held by the transfer
  const std::int32_t anew = places.take_for(BlockId{1});  // the books have reserved it once more
  EXPECT_NE(late, anew);
  EXPECT_EQ(places.free(), 0);
  EXPECT_THROW(places.take(), ContractViolation);
  places.drop(late);  // drained
  EXPECT_EQ(places.take(), late);
}

TEST(Places, TellWhenAPlaceIsTakenAndVacant) {
  std::vector<std::int32_t> taken, vacant;
  Places places(2,
                {[](BlockId) { return false; }, [&](std::int32_t place) { taken.push_back(place); },
                 [&](std::int32_t place) { vacant.push_back(place); }});
  EXPECT_EQ(vacant, (std::vector<std::int32_t>{1, 0}));
  const std::int32_t place = places.take();
  places.hold(place);
  places.release(place);
  EXPECT_EQ(vacant.size(), 2U);  // still held
  places.drop(place);
  EXPECT_EQ(taken, (std::vector<std::int32_t>{0}));
  EXPECT_EQ(vacant, (std::vector<std::int32_t>{1, 0, 0}));
}

// Property: no place is in two hands, and none gets lost.
class PlacesProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(PlacesProperty, EachPlaceHasOneOwnerOrNone) {
  Random random(GetParam());
  std::set<std::uint64_t> books;
  Places places = with_books(24, books);
  std::map<std::uint64_t, std::int32_t> named;  // what the books hold, and where
  std::vector<std::int32_t> own;                // anonymous
  std::vector<std::pair<std::uint64_t, std::int32_t>> moving;
  for (int step = 0; step < 2000; ++step) {
    const std::uint64_t block = random.below(40);
    switch (random.below(6)) {
      case 0:
        if (books.size() + own.size() + moving.size() >= 20 || books.contains(block)) break;
        books.insert(block);
        named[block] = places.take_for(BlockId{block});
        moving.emplace_back(block, named[block]);
        break;
      case 1:
        if (moving.empty()) break;
        places.drop(moving.back().second);
        moving.pop_back();
        break;
      case 2:
        if (books.size() + own.size() + moving.size() < 20) own.push_back(places.take());
        break;
      case 3:
        if (own.empty()) break;
        if (books.contains(block) || places.find(BlockId{block}) != Places::none) {
          places.release(own.back());
        } else {
          books.insert(block);
          places.name(own.back(), BlockId{block});
          named[block] = own.back();
        }
        own.pop_back();
        break;
      default:
        books.erase(block);  // evicted; a transfer of it may go on
        named.erase(block);
    }
    std::set<std::int32_t> in_use(own.begin(), own.end());
    EXPECT_EQ(in_use.size(), own.size());
    for (const auto& [id, place] : named) {
      EXPECT_EQ(places.find(BlockId{id}), place);
      EXPECT_TRUE(in_use.insert(place).second);
    }
  }
  for (const auto& [block, place] : moving) places.drop(place);
  for (const std::int32_t place : own) places.release(place);
  books.clear();
  places.sweep();
  EXPECT_EQ(places.free(), places.count());
  EXPECT_EQ(places.held(), 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlacesProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::realrun
