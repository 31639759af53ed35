// Which changes a what-if makes, and that each is that change and no other.
#include "sweeps/what_if.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sweeps/plan.hpp"
#include "sweeps/tree_path.hpp"
#include "sweeps/values.hpp"
#include "tests/sweeps/fixture.hpp"

namespace calvo::sweeps::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSubsetOf;
using ::testing::Not;

const std::string planted = std::string(CALVO_SOURCE_DIR) + "/scenarios/planted/";

WrittenOut written_out(const std::string& file, std::vector<std::string> overrides = {}) {
  scenarios::LoadOptions options;
  options.overrides = std::move(overrides);
  return write_out_scenario(file, options, "calvo whatif");
}

std::vector<std::string> names_of(const std::vector<Change>& changes) {
  std::vector<std::string> names;
  for (const Change& change : changes) names.push_back(change.name);
  return names;
}

const Change& find(const std::vector<Change>& changes, const std::string& name) {
  const auto found = std::ranges::find(changes, name, &Change::name);
  EXPECT_NE(found, changes.end()) << name;
  return found == changes.end() ? changes.front() : *found;
}

TEST(WhatIf, HasEachResourceOfTheScenarioAndNoOther) {
  const auto changes = resource_changes(written_out(planted + "pcie_switch.yaml"), 1.25);
  EXPECT_THAT(names_of(changes),
              ElementsAre("storage NIC +25 %", "serving NIC +25 %", "network latency +25 %",
                          "pool memory +25 %", "PCIe lane +25 %", "PCIe switch +25 %",
                          "host memory +25 %", "GPU compute +25 %", "GPU memory +25 %",
                          "token budget +25 %", "running requests +25 %"));
  EXPECT_EQ(find(changes, "PCIe switch +25 %").detail, "pcie_switch 14 GB/s -> 17.5 GB/s");
  EXPECT_EQ(find(changes, "GPU compute +25 %").detail, "compute_overhead 1.165 -> 0.932");
}

TEST(WhatIf, CountsGrowByWholeOnesAndOneAtLeast) {
  const std::string file = planted + "gpu_memory.yaml";
  EXPECT_EQ(find(resource_changes(written_out(file), 1.25), "GPU memory +25 %").detail,
            "gpu 29 blocks -> 36 blocks");
  EXPECT_EQ(find(resource_changes(written_out(file), 1.01), "GPU memory +1 %").detail,
            "gpu 29 blocks -> 30 blocks");
  const auto whole = resource_changes(written_out(file, {"memory.gpu=auto"}), 1.5);
  EXPECT_EQ(find(whole, "GPU memory +50 %").settings.front().key, "hardware.gpu.memory");
}

/// Lines of the resolved scenario that a change makes other, without their indentation.
std::set<std::string> lines_that_differ(const std::string& before, const std::string& after) {
  const auto lines = [](const std::string& text) {
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      result.push_back(line.substr(std::min(line.find_first_not_of(" -"), line.size())));
    }
    return result;
  };
  const std::vector<std::string> a = lines(before);
  const std::vector<std::string> b = lines(after);
  std::set<std::string> keys;
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != b[i]) keys.insert(a[i].substr(0, a[i].find(':')));
  }
  return keys;
}

TEST(WhatIf, EachChangeChangesTheKeysThatItNamesAndNothingElse) {
  for (const char* name : {"storage_nic.yaml", "token_budget.yaml"}) {
    const WrittenOut scenario = written_out(planted + name);
    std::vector<Change> changes = resource_changes(scenario, 1.25);
    const bool switches = name == std::string("storage_nic.yaml");  // both engines have the same
    for (Change& change : switches ? engine_changes(scenario) : std::vector<Change>()) {
      changes.push_back(std::move(change));
    }
    const Plan plan(what_if_sweep(scenario, changes, {1}));
    ASSERT_EQ(plan.grid().size(), changes.size() + 1);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const std::string after =
          scenarios::resolve_scenario_text(scenario.yaml, scenario.file,
                                           plan.load_options(plan.grid()[i + 1], 1))
              .yaml;
      std::set<std::string> keys;
      for (const auto& setting : changes[i].settings) {
        keys.insert(setting.key.substr(setting.key.rfind('.') + 1));
      }
      const std::set<std::string> differ = lines_that_differ(scenario.yaml, after);
      EXPECT_THAT(differ, IsSubsetOf(keys)) << changes[i].name;
      EXPECT_FALSE(differ.empty()) << changes[i].name;
    }
  }
}

TEST(WhatIf, HasEverySwitchOfTheEngineThatIsAWord) {
  const WrittenOut scenario = written_out(planted + "storage_nic.yaml");
  const std::vector<Change> changes = engine_changes(scenario);
  std::set<std::string> changed;
  for (const Change& change : changes) {
    for (const auto& setting : change.settings) changed.insert(setting.key);
  }
  std::size_t words = 0;
  for (const YamlNode::Entry& entry : scenario.tree.find("engine")->entries) {
    const bool word =
        entry.value.kind == YamlNode::Kind::scalar && !read_quantity(entry.value.text);
    const std::set<std::string> none = {"name", "decode", "max_leap"};  // not how it loads
    if (!word || none.contains(entry.key)) continue;
    words += 1;
    EXPECT_TRUE(changed.contains("engine." + entry.key)) << entry.key;
  }
  EXPECT_GE(words, 13);
}

TEST(WhatIf, LeavesOutWhatTheScenarioRefusesAndWhatChangesNothing) {
  const WrittenOut scenario = written_out(planted + "storage_nic.yaml");
  std::vector<Change> changes = engine_changes(scenario);
  EXPECT_THAT(names_of(changes), Contains("order: lstf"));  // as it is
  changes.push_back(
      {ChangeKind::engine, "refused", "", {setting("engine.cut", "sideways")}, {}, {}});
  what_if_sweep(scenario, changes, {1});
  EXPECT_THAT(names_of(changes), Not(Contains("refused")));
  EXPECT_THAT(names_of(changes), Not(Contains("order: lstf")));
  EXPECT_THAT(names_of(changes), Contains("order: fifo"));
  EXPECT_THAT(names_of(changes), Contains("cut: never"));
  EXPECT_THAT(names_of(changes), Not(Contains("cut: block")));
}

TEST(WhatIf, RefusesAScenarioWithoutObjective) {
  const std::string file = planted + "storage_nic.yaml";
  try {
    written_out(file, {"slo.ttft=none"});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              file +
                  ":0:0: slo: asks for nothing, and calvo whatif is about attainment; set an "
                  "objective like slo: {ttft: {fixed: 1 s}}");
  }
  EXPECT_EQ(written_out(file, {"slo.ttft=none", "slo.tpot=20 ms"}).name, "planted_storage_nic");
}

}  // namespace
}  // namespace calvo::sweeps::testing
