#include "report/sweep_source.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calvo::report {
namespace {

using ::testing::ElementsAre;
using Json = nlohmann::ordered_json;

/// A sweep over `axes`, a value of each a cell; numbers are those that are written without a unit.
SweepSource sweep_over(const std::vector<std::string>& axes,
                       const std::vector<std::vector<std::string>>& cells,
                       const std::string& rate_key) {
  SweepSource sweep;
  sweep.json = {{"rate", nullptr}, {"axes", Json::array()}, {"cells", Json::array()}};
  if (!rate_key.empty()) sweep.json["rate"] = {{"key", rate_key}, {"unit", ""}};
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    Json entry = {{"key", axes[axis]}, {"unit", ""}, {"values", Json::array()}};
    for (const auto& cell : cells) {
      const bool is_number = cell[axis].find_first_not_of("0123456789") == std::string::npos;
      if (!is_number) entry["unit"] = nullptr;
      const Json value = {{"text", cell[axis]},
                          {"number", is_number ? Json(std::stoi(cell[axis])) : Json(nullptr)}};
      if (std::ranges::find(entry["values"], value) == entry["values"].end()) {
        entry["values"].push_back(value);
      }
    }
    sweep.json["axes"].push_back(std::move(entry));
  }
  for (const auto& values : cells) {
    Json settings;
    Json rate = nullptr;
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
      settings[axes[axis]] = values[axis];
      if (axes[axis] == rate_key) rate = std::stoi(values[axis]);
    }
    const std::string id = std::to_string(sweep.json["cells"].size());
    sweep.json["cells"].push_back({{"cell", id},
                                   {"engine", "calvo"},
                                   {"name", id},
                                   {"rate", rate},
                                   {"seeds", {1}},
                                   {"settings", settings},
                                   {"metrics", Json::object()}});
  }
  return sweep;
}

std::vector<std::string> variants(const SweepSource& sweep) {
  std::vector<std::string> texts;
  for (const Json& point : points_of(sweep)) texts.push_back(point.at("variant"));
  return texts;
}

TEST(SweepSource, NamesLinesBySettingsThatNoOtherSettingSettles) {
  const auto sweep = sweep_over(
      {"load.base", "load.count", "load.rate"},
      {{"icl", "120", "1"}, {"icl", "120", "2"}, {"code", "100", "1"}, {"code", "100", "2"}},
      "load.rate");
  EXPECT_EQ(horizontal_axis(sweep).at("key"), "load.rate");
  EXPECT_THAT(variants(sweep), ElementsAre("base icl", "base icl", "base code", "base code"));
}

TEST(SweepSource, ARateThatAnotherNumberSettlesGoesAlongWithIt) {
  const auto sweep =
      sweep_over({"gpu.slowness", "load.rate"}, {{"4", "1"}, {"2", "2"}, {"1", "2"}}, "load.rate");
  EXPECT_EQ(horizontal_axis(sweep).at("key"), "gpu.slowness");
  EXPECT_THAT(points_of(sweep)[1].at("x"), 2);
  EXPECT_THAT(variants(sweep), ElementsAre("", "", ""));
}

TEST(SweepSource, ANumberThatAnEarlierSettingSettlesIsNotTheAxis) {
  const auto sweep = sweep_over(
      {"load.base", "load.count", "block"},
      {{"icl", "120", "16"}, {"icl", "120", "32"}, {"code", "100", "16"}, {"code", "100", "32"}},
      "");
  EXPECT_EQ(horizontal_axis(sweep).at("key"), "block");
}

TEST(SweepSource, CallsALineByTheNameOfItsScenario) {
  const auto sweep = sweep_over({"name", "block"}, {{"slow", "16"}, {"slow", "32"}}, "");
  EXPECT_THAT(variants(sweep), ElementsAre("", ""));
  const auto both =
      sweep_over({"name", "block"}, {{"slow", "16"}, {"slow", "32"}, {"fast", "16"}}, "");
  EXPECT_THAT(variants(both), ElementsAre("slow", "slow", "fast"));
}

TEST(SweepSource, HasNoAxisWithoutTwoNumbers) {
  EXPECT_TRUE(horizontal_axis(sweep_over({"order"}, {{"fifo"}, {"edf"}}, "")).is_null());
  EXPECT_TRUE(horizontal_axis(sweep_over({"block"}, {{"16"}}, "")).is_null());
}

}  // namespace
}  // namespace calvo::report
