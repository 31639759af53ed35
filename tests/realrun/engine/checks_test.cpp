// What a real run refuses before anything runs, in one line each.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "realrun/engine/local_nodes.hpp"
#include "realrun/wire/secret.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

RealrunOptions two_nodes() {
  RealrunOptions options;
  options.nodes = {{"127.0.0.1", 1}, {"127.0.0.1", 2}};
  options.key = loopback_key();
  return options;
}

std::string error_of(const std::vector<std::string>& overrides, const RealrunOptions& options) {
  scenarios::Scenario scenario = small_scenario(overrides);
  try {
    realrun(scenario, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Checks, RefuseWhatOnlyASimulationCanDo) {
  EXPECT_EQ(error_of({"simulation.granularity=block"}, two_nodes()),
            "small.yaml:0:0: simulation.granularity: \"block\" is an option of the simulator; a "
            "real run moves runs of blocks, take it out");
  EXPECT_EQ(
      error_of({"simulation.truth_noise=0.1"}, two_nodes()),
      "small.yaml:0:0: simulation.truth_noise: \"0.1\"; a real run has noise of its own, take "
      "it out");
  EXPECT_EQ(error_of({"engine.tensor_parallel=2", "memory.gpu=1 MiB"}, two_nodes()),
            "small.yaml:0:0: engine.tensor_parallel: \"2\"; a real run has one device for each "
            "instance; set 1");
  EXPECT_EQ(error_of({"faults=[{node: 1, kind: down, at: 1 s, until: 2 s}]"}, two_nodes()),
            "small.yaml:0:0: faults: are those of the simulated world; take them out, and give the "
            "storage nodes that calvo starts their own, for example --faults hang@5s..7s");
}

TEST(Checks, WantOneNodeForEachOfTheScenario) {
  RealrunOptions one = two_nodes();
  one.nodes.pop_back();
  EXPECT_EQ(error_of({}, one),
            "small.yaml:0:0: topology.storage_nodes: the scenario has 2 and 1 are given; name each "
            "with one --node HOST:PORT, or none to have them started here");
}

TEST(Checks, WantEachNodeOnce) {
  RealrunOptions twice = two_nodes();
  twice.nodes[1] = twice.nodes[0];
  EXPECT_EQ(error_of({}, twice),
            "small.yaml:0:0: --node: \"127.0.0.1:1\" is given twice; give each storage node once");
}

TEST(Checks, NameAFabricAndADeviceThatAreNotThere) {
  RealrunOptions fabric = two_nodes();
  fabric.fabric = "pigeon";
  EXPECT_NE(error_of({}, fabric).find("pigeon"), std::string::npos);
  RealrunOptions device = two_nodes();
  device.device = "abacus";
  EXPECT_NE(error_of({}, device).find("abacus"), std::string::npos);
}

TEST(Checks, TellThatANodeIsNotReached) {
  scenarios::Scenario scenario = small_scenario();
  Nodes nodes(scenario, Nodes::Contents::empty);
  const RealrunOptions options = options_for(nodes);
  nodes.kill(1);
  const std::string error = error_of({}, options);
  EXPECT_NE(error.find(options.nodes[1].text()), std::string::npos) << error;
  EXPECT_NE(error.find("is calvo kvnode running there?"), std::string::npos) << error;
}

TEST(Checks, TellThatAKeyOrAModelDiffers) {
  scenarios::Scenario scenario = small_scenario();
  const Nodes nodes(scenario, Nodes::Contents::empty);
  RealrunOptions stranger = options_for(nodes);
  stranger.key.assign(32, std::byte{1});
  EXPECT_NE(error_of({}, stranger).find("--key-file"), std::string::npos);
  RealrunOptions other = options_for(nodes);
  other.model_seed = 2;
  EXPECT_NE(error_of({}, other).find("start both from the same scenario"), std::string::npos);
}

TEST(Checks, TellThatAModelIsTooLargeForThisMachine) {
  scenarios::Scenario scenario = small_scenario();
  const Nodes nodes(scenario, Nodes::Contents::empty);
  scenario.instance.gpu_blocks = std::int64_t{1} << 30;
  try {
    realrun(scenario, options_for(nodes));
    ADD_FAILURE() << "no error";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("take a smaller model or less memory"),
              std::string::npos);
  }
}

TEST(LocalNodes, ServeARunAndEndWithIt) {
  scenarios::Scenario scenario = small_scenario();
  LocalNodes nodes(scenario, {});
  RealrunOptions options;
  options.nodes = nodes.endpoints();
  options.key = nodes.key();
  const RealrunResult result = realrun(scenario, options);
  EXPECT_EQ(completed(result), 30);
  EXPECT_GT(result.run.counters.fetched_blocks, 0);
  const LocalNodes::Ended ended = nodes.stop();
  EXPECT_TRUE(ended.complaints.empty());
  // Two requests may compute the same block; the node counts the one that came first.
  EXPECT_GT(ended.counters.stored_blocks, 0U);
  EXPECT_LE(static_cast<std::int64_t>(ended.counters.stored_blocks),
            result.run.counters.stored_blocks);
}

TEST(LocalNodes, SayWhyOneCannotServe) {
  const scenarios::Scenario scenario = small_scenario();
  LocalNodeOptions options;
  options.fabric = "pigeon";
  try {
    const LocalNodes nodes(scenario, options);
    ADD_FAILURE() << "no error";
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("storage node 0:0:0: ")) << text;
    EXPECT_NE(text.find("pigeon"), std::string::npos);
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace calvo::realrun::testing
