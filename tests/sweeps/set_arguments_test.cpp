// What a what-if suggests is what it simulated.
#include "sweeps/set_arguments.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sweeps/fixture.hpp"

namespace calvo::sweeps::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string shipped = std::string(CALVO_SOURCE_DIR) + "/scenarios/";

/// Resolved, but for what the engine is called: that tells which way it was written.
std::string resolved_but_for_name(const std::string& text, const std::string& file,
                                  scenarios::LoadOptions options) {
  std::string yaml = scenarios::resolve_scenario_text(text, file, options).yaml;
  const std::size_t engine = yaml.find("\nengine:\n");
  const std::size_t name = yaml.find("  name: ", engine);
  return yaml.erase(name, yaml.find('\n', name) - name);
}

WrittenOut read_written_out(const std::string& file, std::vector<std::string> overrides = {}) {
  scenarios::LoadOptions options;
  options.overrides = std::move(overrides);
  return write_out_scenario(file, options, "calvo whatif");
}

/// Holds what is suggested for every n-th change to what is simulated for it. Returns for how many.
int hold_to_simulated(const WrittenOut& scenario, const std::vector<Change>& changes,
                      std::size_t n) {
  int held = 0;
  for (std::size_t i = 0; i < changes.size(); i += n) {
    const Change& change = changes[i];
    scenarios::LoadOptions options;
    options.settings = change.settings;
    std::string simulated;
    try {
      simulated = resolved_but_for_name(scenario.yaml, scenario.file, options);
    } catch (const InputError&) {  // switches that do not go together
      continue;
    }
    const std::vector<std::string> arguments = set_arguments(scenario, change);
    EXPECT_THAT(arguments, Not(IsEmpty())) << scenario.file << ": " << change.name;
    scenarios::LoadOptions pasted;
    pasted.overrides = scenario.overrides;
    pasted.overrides.insert(pasted.overrides.end(), arguments.begin(), arguments.end());
    EXPECT_EQ(resolved_but_for_name(scenario.text, scenario.file, pasted), simulated)
        << scenario.file << ": " << change.name;
    held += 1;
  }
  return held;
}

/// What stands behind names: NICs, lanes, GPUs.
std::vector<Change> hardware_changes(const WrittenOut& scenario) {
  std::vector<Change> changes = resource_changes(scenario, 1.25);
  std::erase_if(changes, [](const Change& change) {
    return !change.settings.front().key.starts_with("hardware.");
  });
  return changes;
}

TEST(SetArguments, MakeEachHardwareChangeOfEveryExampleThatHasAnObjective) {
  int held = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shipped + "examples")) {
    try {
      const WrittenOut scenario = read_written_out(entry.path().string());
      held += hold_to_simulated(scenario, hardware_changes(scenario), 1);
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("asks for nothing"));
    }
  }
  EXPECT_GE(held, 30);
}

TEST(SetArguments, MakeChangesOfTheScenarioThatMostSweepsAreOf) {
  const WrittenOut scenario = read_written_out(shipped + "reproduce/testbed.yaml");
  EXPECT_GE(hold_to_simulated(scenario, resource_changes(scenario, 1.25), 1), 8);
  EXPECT_GE(hold_to_simulated(scenario, engine_changes(scenario), 8), 5);
}

TEST(SetArguments, MakeSwitchesOfAnEngineThatIsAMappingAndOfOneThatIsAName) {
  const std::string file = shipped + "planted/storage_nic.yaml";
  for (const WrittenOut& scenario :
       {read_written_out(file), read_written_out(file, {"engine=vllm_sync", "block_tokens=128"})}) {
    EXPECT_GE(hold_to_simulated(scenario, engine_changes(scenario), 4), 10);
  }
}

TEST(SetArguments, NameOneKeyWhereThatIsEnough) {
  const WrittenOut scenario = read_written_out(shipped + "planted/token_budget.yaml");
  Change change;
  for (const Change& each : resource_changes(scenario, 1.25)) {
    if (each.name == "token budget +25 %") change = each;
  }
  change.set = set_arguments(scenario, change);
  EXPECT_THAT(change.set, ElementsAre(StartsWith("engine.token_budget="), "allow_unphysical=true"));
  EXPECT_EQ(run_command(scenario, change, 3), "calvo run " + scenario.file + " --seed 3 --set " +
                                                  change.set[0] + " --set allow_unphysical=true");
}

TEST(SetArguments, AreQuotedForAShell) {
  WrittenOut scenario;
  scenario.file = "my runs/s.yaml";
  scenario.overrides = {"engine=calvo"};
  Change change;
  change.set = {"a.b={c: 1 s, d: it's}", "e=f"};
  EXPECT_EQ(run_command(scenario, change, 1),
            "calvo run 'my runs/s.yaml' --seed 1 --set engine=calvo --set 'a.b={c: 1 s, d: "
            "it'\\''s}' --set e=f");
  change.set.clear();
  EXPECT_EQ(run_command(scenario, change, 1), "");
}

}  // namespace
}  // namespace calvo::sweeps::testing
