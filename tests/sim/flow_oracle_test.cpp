// Our solver against SimGrid's: the same flows end at the same dates.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "sim/topology.hpp"
#include "tests/sim/flow_trace.hpp"
#include "tests/sim/forked.hpp"

namespace calvo::sim {
namespace {

using namespace calvo::literals;
using models::TopologyKind;

constexpr std::size_t flows_per_trace = 400;

Topology cluster(TopologyKind kind) {
  models::TopologySpec spec;
  spec.kind = kind;
  spec.serving_nic.bandwidth = 50_GBps;
  spec.storage_nic.bandwidth = 40_GBps;
  spec.serving_nodes = kind == TopologyKind::single_node ? 1 : 5;
  spec.storage_nodes = kind == TopologyKind::single_node ? 1 : 3;
  spec.instances_per_node = 4;
  spec.nics_per_serving_node = 2;
  spec.nics_per_storage_node = 2;
  spec.host_dram = 150_GBps;
  spec.storage_dram = 70_GBps;
  spec.gpus_per_pcie_switch = 2;
  spec.pcie_switch = 60_GBps;
  spec.nodes_per_leaf = 3;
  spec.spines = 2;
  spec.oversubscription = 3;
  return Topology(spec, 55_GBps, 1);
}

/// Loads, stores and copies of 1 MB to 2 GB at about the rate that keeps the links busy.
std::vector<TraceFlow> random_flows(const Topology& topology, std::uint64_t seed) {
  Random random(seed);
  std::vector<TraceFlow> flows;
  double now = 0.01;  // where a nanosecond, the resolution of dates, is below 1e-6
  for (std::size_t i = 0; i < flows_per_trace; ++i) {
    const InstanceId instance{
        static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(topology.instances())))};
    const StorageId storage{
        static_cast<std::uint32_t>(topology.instances() > 4 ? random.below(3) : 0)};
    std::span<const LinkId> route;
    switch (random.below(4)) {
      case 0:
        route = topology.pcie_load(instance, 0);
        break;
      case 1:
        route = topology.pcie_store(instance, 0);
        break;
      case 2:
        route = topology.network_store(instance, storage, i);
        break;
      default:
        route = topology.network_load(storage, instance, i);
        break;
    }
    now += random.exponential(topology.instances() > 4 ? 0.6e-3 : 1.5e-3);
    const double bytes = std::floor(1e6 * std::pow(2000, random.uniform()));
    flows.push_back({instant_at(now), {route.begin(), route.end()}, bytes});
  }
  return flows;
}

/// Cancels, resizes and changes of capacity among the flows' dates.
std::vector<TraceChange> random_changes(const Topology& topology,
                                        const std::vector<TraceFlow>& flows, std::uint64_t seed) {
  Random random(seed, 1);
  std::vector<TraceChange> changes;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    if (random.below(4) > 0) continue;
    TraceChange change;
    change.kind = static_cast<TraceChange::Kind>(random.below(3));
    change.date = flows[i].start + to_nanoseconds(Seconds{random.exponential(5e-3)});
    change.flow = i;
    change.link = LinkId{static_cast<std::uint32_t>(random.below(topology.links().size()))};
    change.value = change.kind == TraceChange::Kind::resize
                       ? 1 + std::floor(random.uniform() * 1e8)
                       : (0.5 + random.uniform()) *
                             topology.links()[static_cast<std::size_t>(change.link)].capacity;
    changes.push_back(change);
  }
  return changes;
}

std::vector<double> dates(WorldKind kind, const Topology& topology,
                          const std::vector<TraceFlow>& flows,
                          const std::vector<TraceChange>& changes = {}) {
  return in_child([&] {
    const auto world = World::create(kind);
    topology.install(world->network());
    return TracePlayer(*world, flows, changes).play();
  });
}

struct Case {
  TopologyKind kind;
  std::uint64_t seed;
};

std::string name(const ::testing::TestParamInfo<Case>& info) {
  constexpr const char* kinds[] = {"single_node", "star", "leaf_spine"};
  return std::string(kinds[static_cast<std::size_t>(info.param.kind)]) + "_" +
         std::to_string(info.param.seed);
}

class FlowOracle : public ::testing::TestWithParam<Case> {
protected:
  static void expect_equal(const std::vector<double>& ours, const std::vector<double>& theirs) {
    ASSERT_EQ(ours.size(), flows_per_trace);
    ASSERT_EQ(theirs.size(), flows_per_trace);
    double longest = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ASSERT_EQ(ours[i] < 0, theirs[i] < 0) << "cancelled by one only: flow " << i;
      ASSERT_NEAR(ours[i], theirs[i], 1e-6 * std::abs(theirs[i])) << "flow " << i;
      longest = std::max(longest, ours[i]);
    }
    EXPECT_GT(longest, 0.2);
  }
};

TEST_P(FlowOracle, EveryFlowEndsWhenSimGridSays) {
  const Topology topology = cluster(GetParam().kind);
  const auto flows = random_flows(topology, GetParam().seed);
  const auto ours = dates(WorldKind::fluid, topology, flows);
  expect_equal(ours, dates(WorldKind::simgrid, topology, flows));

  int held_up = 0;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    double alone = 0;
    for (const LinkId link : flows[i].links) {
      const double capacity = topology.links()[static_cast<std::size_t>(link)].capacity;
      alone = std::max(alone, flows[i].bytes / capacity);
    }
    if (ours[i] - seconds_of(flows[i].start) > 1.2 * alone) ++held_up;
  }
  EXPECT_GT(held_up, 150) << "a trace without contention proves nothing";
}

TEST_P(FlowOracle, AlsoWhenFlowsAndLinksChangeUnderWay) {
  const Topology topology = cluster(GetParam().kind);
  const auto flows = random_flows(topology, GetParam().seed);
  const auto changes = random_changes(topology, flows, GetParam().seed);
  expect_equal(dates(WorldKind::fluid, topology, flows, changes),
               dates(WorldKind::simgrid, topology, flows, changes));
}

TEST_P(FlowOracle, FluidWithAndWithoutSimGridAgreeToTheNanosecond) {
  const Topology topology = cluster(GetParam().kind);
  const auto flows = random_flows(topology, GetParam().seed);
  const auto changes = random_changes(topology, flows, GetParam().seed);
  EXPECT_EQ(dates(WorldKind::fluid, topology, flows, changes),
            dates(WorldKind::pure, topology, flows, changes));
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const auto kind :
       {TopologyKind::single_node, TopologyKind::star, TopologyKind::leaf_spine}) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) cases.push_back({kind, seed});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Trace, FlowOracle, ::testing::ValuesIn(cases()), name);

}  // namespace
}  // namespace calvo::sim
