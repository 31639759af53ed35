#include "policies/registry.hpp"

#include <set>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/contract.hpp"

namespace calvo::policies {
namespace {

template <class Table>
std::vector<std::string_view> names(const Table& table) {
  std::vector<std::string_view> all;
  for (const auto& entry : table) all.push_back(entry.name);
  return all;
}

TEST(Registry, ListsTheOrdersRoutingsAndRestores) {
  EXPECT_THAT(names(orders()),
              ::testing::IsSupersetOf({"fifo", "sjf_new", "sjf_cached", "sjf_cost",
                                       "sjf_bottleneck", "edf", "edf_transfer", "lstf"}));
  EXPECT_THAT(names(routings()),
              ::testing::IsSupersetOf({"round_robin", "least_loaded", "cache_aware"}));
  EXPECT_THAT(names(restores()),
              ::testing::IsSupersetOf({"load_all", "recompute_all", "cheaper", "soonest"}));
}

TEST(Registry, MakesWhatItListsAndSaysWhatItIs) {
  std::set<std::string_view> described;
  for (const auto& entry : orders()) {
    EXPECT_NE(make_order(entry.name, 0.5), nullptr);
    EXPECT_TRUE(described.insert(entry.description).second) << entry.name;
  }
  for (const auto& entry : routings()) {
    EXPECT_NE(make_routing(entry.name), nullptr);
    EXPECT_TRUE(described.insert(entry.description).second) << entry.name;
  }
  for (const auto& entry : restores()) {
    EXPECT_NE(make_restore(entry.name), nullptr);
    EXPECT_TRUE(described.insert(entry.description).second) << entry.name;
  }
}

TEST(Registry, RefusesAnUnknownName) {
  EXPECT_THROW(make_order("lifo", 0), ContractViolation);
  EXPECT_THROW(make_routing("random"), ContractViolation);
  EXPECT_THROW(make_restore("sometimes"), ContractViolation);
}

}  // namespace
}  // namespace calvo::policies
