// Nodes that some of a run's rails have lost, or that are not what they were.
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/input_error.hpp"
#include "realrun/engine/breakage.hpp"
#include "realrun/engine/parts.hpp"
#include "tests/realrun/engine/engine_fixture.hpp"

namespace calvo::realrun::testing {
namespace {

/// A connection that is lost at the first look; nothing goes over it.
class DeadLink final : public NodeLink {
public:
  explicit DeadLink(NodeInfo info) : info_(std::move(info)) {}
  const NodeInfo& info() const override { return info_; }
  void lookup(std::uint64_t, std::span<const BlockRun>) override {}
  void lease(std::uint64_t, BlockRun) override {}
  void release(std::uint64_t) override {}
  void store(std::uint64_t, BlockRun, std::span<const std::span<const std::byte>>) override {}
  void poll(std::vector<NodeReply>&) override {}
  std::uint64_t blocks_sent() const override { return 0; }
  int fd() const override { return -1; }
  bool wants_write() const override { return false; }
  bool alive() const override { return false; }

private:
  NodeInfo info_;
};

/// Takes minutes if nothing ends it.
scenarios::Scenario minutes_long() {
  return small_scenario({"workload.synthetic.arrival.rate=20 /s", "workload.synthetic.count=20000",
                         "simulation.time_limit=120 s"});
}

TEST(LostNodes, AreLookedUpAndReadOverTheRailThatStillReachesThem) {
  scenarios::Scenario scenario = small_scenario();
  Nodes nodes(scenario, Nodes::Contents::initial);
  RealrunOptions options = options_for(nodes);
  options.rails = 2;
  Parts parts = real_parts(scenario, options);
  const auto connect = parts.connect;
  // The first rail connects to nodes 0 and 1, then the second one; the links' owners stay alive so
  // that tickets hold.
  std::vector<std::unique_ptr<NodeLink>> owners;
  std::atomic<int> connections = 0;
  parts.connect = [&](std::size_t node, const std::stop_token& stop) -> std::unique_ptr<NodeLink> {
    const int number = connections++;
    if (number == 0) {
      owners.push_back(connect(node, stop));
      return std::make_unique<DeadLink>(owners.back()->info());
    }
    if (number > 3) throw std::runtime_error("stays away");
    return connect(node, stop);
  };
  const RealrunResult result = run_with(scenario, options, parts);
  EXPECT_EQ(completed(result), 30);
  EXPECT_GT(nodes[0].counters().lookups, 0U);
  EXPECT_GT(nodes[0].counters().leased_blocks, 0U);
}

TEST(LostNodes, ThatStayAwayAreReported) {
  scenarios::Scenario scenario =
      small_scenario({"workload.synthetic.arrival.rate=60 /s", "workload.synthetic.count=60"});
  Nodes nodes(scenario, Nodes::Contents::initial);
  RealrunOptions options = options_for(nodes);
  bool killed = false;
  options.progress = [&](std::int64_t, std::int64_t, double) {
    if (!std::exchange(killed, true)) nodes.kill(0);
  };
  const RealrunResult result = realrun(scenario, options);
  EXPECT_EQ(completed(result), 60);
  ASSERT_EQ(result.load.lost_nodes.size(), 1U);
  const LostNode& lost = result.load.lost_nodes.front();
  EXPECT_EQ(lost.node, 0U);
  EXPECT_EQ(lost.address, options.nodes[0].text());
  EXPECT_EQ(lost.times, 1);
  EXPECT_EQ(lost.back, std::nullopt);
  ASSERT_EQ(breakage(result.load).size(), 1U);
  EXPECT_THAT(breakage(result.load).front(), ::testing::EndsWith(" and did not come back"));
}

TEST(LostNodes, ThatComeBackAreReportedWithBothDates) {
  // Takes minutes if the node's return does not end it.
  scenarios::Scenario scenario = minutes_long();
  Nodes nodes(scenario, Nodes::Contents::empty);
  RealrunOptions options = options_for(nodes);
  const std::uint16_t port = nodes[0].port();
  std::optional<NodeServer> again;
  bool asked = false;
  options.progress = [&](std::int64_t, std::int64_t, double) {
    if (asked) request_stop();  // the control thread has looked at its notices since
    if (again) {
      asked = again->counters().lookups > 0;
      return;
    }
    NodeOptions same = node_options(scenario, Contents::empty, 0);
    same.port = port;
    nodes.kill(0);
    try {
      again.emplace(same);
    } catch (const InputError&) {  // somebody has the port now: perhaps not for long
    }
  };
  const RealrunResult result = realrun(scenario, options);
  ASSERT_EQ(result.load.lost_nodes.size(), 1U);
  const LostNode& lost = result.load.lost_nodes.front();
  EXPECT_EQ(lost.node, 0U);
  ASSERT_TRUE(lost.back);
  EXPECT_LT(lost.first, *lost.back);
}

TEST(LostNodes, ThatComeBackWithAnotherKeyAreComplainedOfOnce) {
  // Takes minutes if the complaint does not end it.
  scenarios::Scenario scenario = minutes_long();
  Nodes nodes(scenario, Nodes::Contents::empty);
  RealrunOptions options = options_for(nodes);
  const std::uint16_t port = nodes[0].port();
  std::optional<NodeServer> other;
  options.progress = [&](std::int64_t, std::int64_t, double) {
    if (other) return;
    NodeOptions changed = node_options(scenario, Contents::empty, 0);
    changed.port = port;
    changed.key.assign(32, std::byte{7});
    nodes.kill(0);
    try {
      other.emplace(changed);
    } catch (const InputError&) {  // somebody has the port now: perhaps not for long
    }
  };
  std::vector<std::string> told;
  options.complain = [&](const std::string& text) {
    told.push_back(text);
    request_stop();
  };
  const RealrunResult result = realrun(scenario, options);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told, result.load.complaints);
  EXPECT_EQ(told.front(), "storage node:0:0: " + options.nodes[0].text() +
                              ": the node has another key; give both sides the same --key-file");
}

}  // namespace
}  // namespace calvo::realrun::testing
