// scenarios/reproduce/ and scenarios/sweeps/demo.yaml: everything that they write can be simulated.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sweeps/plan.hpp"

namespace calvo::sweeps {
namespace {

namespace fs = std::filesystem;

const fs::path scenarios_folder = fs::path(CALVO_SOURCE_DIR) / "scenarios";

template <class Value>
void keep_first(std::vector<Value>& values) {
  if (values.size() > 1) values.erase(values.begin() + 1, values.end());
}

/// Every entry of every list of a sweep in few cells: one list after the other, the first entry of
/// all others.
std::vector<SweepFile> one_list_at_a_time(const SweepFile& whole) {
  SweepFile first = whole;
  keep_first(first.engines);
  keep_first(first.points);
  for (Axis& axis : first.axes) keep_first(axis.values);
  std::vector<SweepFile> sweeps(2, first);
  sweeps[0].engines = whole.engines;
  sweeps[1].points = whole.points;
  for (std::size_t i = 0; i < whole.axes.size(); ++i) {
    sweeps.push_back(first);
    sweeps.back().axes[i] = whole.axes[i];
  }
  return sweeps;
}

void expect_to_load(const fs::path& path) {
  try {
    for (SweepFile& sweep : one_list_at_a_time(read_sweep_file(path.string()))) {
      EXPECT_FALSE(Plan(std::move(sweep)).grid().empty()) << path;
    }
  } catch (const InputError& error) {
    ADD_FAILURE() << error.what();
  }
}

TEST(Reproduce, EveryValueOfItsSweepsLoads) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(scenarios_folder / "reproduce")) {
    if (entry.path().extension() != ".yaml" || entry.path().stem() == "testbed") continue;
    names.push_back(entry.path().stem().string());
    expect_to_load(entry.path());
    const SweepFile sweep = read_sweep_file(entry.path().string());
    EXPECT_EQ(sweep.name, names.back());
    const bool is_exact = names.back() == "e1";  // the paper gives its times, no testbed
    EXPECT_EQ(sweep.scenario, is_exact ? "../examples/two_requests.yaml" : "testbed.yaml");
  }
  EXPECT_THAT(names, ::testing::IsSupersetOf(
                         {"calibration", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8_block"}));
}

TEST(DemoSweep, HasEnoughOfEverything) {
  const fs::path path = scenarios_folder / "sweeps" / "demo.yaml";
  expect_to_load(path);
  const SweepFile sweep = read_sweep_file(path.string());
  EXPECT_GE(sweep.engines.size(), 6);
  EXPECT_GE(sweep.seeds.size(), 10);
  EXPECT_EQ(sweep.points.size(), 3) << "loogle, icl, code";
  ASSERT_EQ(sweep.axes.size(), 1);
  EXPECT_GE(sweep.axes[0].values.size(), 6);
}

}  // namespace
}  // namespace calvo::sweeps
