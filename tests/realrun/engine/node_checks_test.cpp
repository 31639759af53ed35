// Nodes that are not what the scenario says: another one of its nodes, another pool, used before.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "realrun/engine/local_nodes.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// The scenario's nodes as `calvo kvnode --scenario` starts them, changed by `change(node,
/// options)`.
template <class Change>
std::vector<std::unique_ptr<NodeServer>> nodes_of(const scenarios::Scenario& scenario,
                                                  Change change) {
  std::vector<std::unique_ptr<NodeServer>> nodes;
  for (std::uint32_t i = 0; i < 2; ++i) {
    NodeOptions options = node_options(scenario, Contents::initial, i);
    options.index = i;
    change(i, options);
    nodes.push_back(std::make_unique<NodeServer>(options));
  }
  return nodes;
}

RealrunOptions options_of(const std::vector<std::unique_ptr<NodeServer>>& nodes) {
  std::vector<Endpoint> endpoints;
  for (const auto& node : nodes) endpoints.push_back({"127.0.0.1", node->port()});
  return options_for(endpoints);
}

std::string refusal_of(scenarios::Scenario& scenario, const RealrunOptions& options) {
  try {
    realrun(scenario, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

void as_they_are(std::uint32_t, NodeOptions&) {}

TEST(NodeChecks, RefuseNodesInAnotherOrder) {
  scenarios::Scenario scenario = small_scenario();
  const auto nodes = nodes_of(scenario, as_they_are);
  RealrunOptions options = options_of(nodes);
  std::swap(options.nodes[0], options.nodes[1]);
  EXPECT_EQ(refusal_of(scenario, options),
            "storage node:0:0: " + options.nodes[0].text() +
                ": it is node 1 of its scenario, and was given as node 0; give --node in the "
                "scenario's order");
}

TEST(NodeChecks, RefuseTwoNodesOfOneIndex) {
  scenarios::Scenario scenario = small_scenario();
  const auto nodes =
      nodes_of(scenario, [](std::uint32_t, NodeOptions& options) { options.index = 0; });
  const RealrunOptions options = options_of(nodes);
  EXPECT_EQ(refusal_of(scenario, options),
            "storage node:0:0: " + options.nodes[1].text() +
                ": it is node 0 of its scenario, and was given as node 1; give --node in the "
                "scenario's order");
}

TEST(NodeChecks, HaveNoDoubtsAboutTheScenariosOwnNodes) {
  scenarios::Scenario scenario = small_scenario();
  const auto nodes = nodes_of(scenario, as_they_are);
  EXPECT_THAT(realrun(scenario, options_of(nodes)).load.complaints, IsEmpty());
}

TEST(NodeChecks, HaveNoDoubtsAboutNodesThatTheRunStarted) {
  scenarios::Scenario scenario = small_scenario();
  LocalNodes nodes(scenario, {});
  RealrunOptions options;
  options.nodes = nodes.endpoints();
  options.key = nodes.key();
  EXPECT_THAT(realrun(scenario, options).load.complaints, IsEmpty());
}

TEST(NodeChecks, TellOfBlocksThatAnEarlierRunHasLeft) {
  scenarios::Scenario scenario = small_scenario();
  const auto nodes = nodes_of(scenario, as_they_are);
  RealrunOptions options = options_of(nodes);
  realrun(scenario, options);
  scenarios::Scenario again = small_scenario();
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint64_t stored = nodes[i]->counters().stored_blocks;
    ASSERT_GT(stored, 0U);
    expected.push_back("storage node " + options.nodes[i].text() + " holds up to " +
                       std::to_string(stored) + (stored == 1 ? " block" : " blocks") +
                       " more than the scenario preloads, of an earlier run: hits are not "
                       "the scenario's; start it anew before each run");
  }
  std::vector<std::string> told;
  options.complain = [&](const std::string& text) { told.push_back(text); };
  EXPECT_EQ(realrun(again, options).load.complaints, expected);
  EXPECT_EQ(told, expected);
}

TEST(NodeChecks, TellOfAnotherSeedAndAnotherCapacity) {
  scenarios::Scenario scenario = small_scenario({"seed=2"});
  const scenarios::Scenario other = small_scenario({"memory.remote=2 MiB"});
  const auto nodes = nodes_of(other, [&](std::uint32_t node, NodeOptions& options) {
    if (node == 1) options.capacity_blocks = scenario.remote_blocks;
  });
  const RealrunOptions options = options_of(nodes);
  const std::string filled =
      " was not filled with what the scenario says lies there: hits are not the scenario's; start "
      "it with the same --scenario and --set, and with --preload scenario";
  EXPECT_THAT(
      realrun(scenario, options).load.complaints,
      ElementsAre("storage node " + options.nodes[0].text() + " has room for " +
                      std::to_string(other.remote_blocks) + " blocks, and the scenario says " +
                      std::to_string(scenario.remote_blocks),
                  "storage node " + options.nodes[0].text() + filled,
                  "storage node " + options.nodes[1].text() + filled));
}

TEST(NodeChecks, KnowNothingOfNodesWithoutAScenario) {
  scenarios::Scenario scenario = small_scenario();
  const auto nodes = nodes_of(scenario, [](std::uint32_t, NodeOptions& options) {
    options.index.reset();
    options.preload = {};
    options.capacity_blocks *= 2;
  });
  EXPECT_THAT(realrun(scenario, options_of(nodes)).load.complaints, IsEmpty());
}

}  // namespace
}  // namespace calvo::realrun::testing
