#include "sim/topology.hpp"

#include <set>

#include <gmock/gmock.h>

#include "core/contract.hpp"
#include "sim/fluid_solver.hpp"

namespace calvo::sim {
namespace {

using namespace calvo::literals;
using models::TopologyKind;
using models::TopologySpec;
using ::testing::ElementsAre;

models::TransferModel at(BytesPerSecond bandwidth) {
  models::TransferModel transfer;
  transfer.bandwidth = bandwidth;
  return transfer;
}

TopologySpec spec(TopologyKind kind) {
  TopologySpec spec;
  spec.kind = kind;
  spec.serving_nic = at(50_GBps);
  spec.storage_nic = at(25_GBps);
  return spec;
}

std::vector<std::string> names(const Topology& topology, std::span<const LinkId> route) {
  std::vector<std::string> names;
  for (const LinkId link : route) {
    names.push_back(topology.links()[static_cast<std::size_t>(link)].name);
  }
  return names;
}

double capacity_of(const Topology& topology, const std::string& name) {
  for (const LinkInfo& link : topology.links()) {
    if (link.name == name) return link.capacity;
  }
  return 0;
}

/// Seconds until the last of `flows`, each of 1 GB and all started at once, has ended.
double time_of(const Topology& topology, const std::vector<std::span<const LinkId>>& flows) {
  FluidSolver solver;
  for (const LinkInfo& link : topology.links()) solver.add_link(link.capacity);
  std::uint64_t sequence = 0;
  for (const auto& route : flows) solver.start({.links = route, .bytes = 1e9}, sequence++);
  double end = 0;
  for (double next = solver.next_completion(); next < no_cap; next = solver.next_completion()) {
    solver.advance(end = next);
    solver.pop_completion();
  }
  return end;
}

TEST(Topology, StarJoinsTheNicsOfTwoNodesAndNothingElse) {
  TopologySpec star = spec(TopologyKind::star);
  star.serving_nodes = 2;
  star.storage_nodes = 3;
  const Topology topology(star, 64_GBps, 1);
  EXPECT_THAT(names(topology, topology.network_load(StorageId{2}, InstanceId{1}, 0)),
              ElementsAre("storage2.nic0.tx", "serving1.nic0.rx"));
  EXPECT_THAT(names(topology, topology.network_store(InstanceId{1}, StorageId{2}, 0)),
              ElementsAre("serving1.nic0.tx", "storage2.nic0.rx"));
  EXPECT_THAT(names(topology, topology.pcie_load(InstanceId{1}, 0)),
              ElementsAre("instance1.gpu0.pcie.h2d"));
  EXPECT_THAT(names(topology, topology.pcie_store(InstanceId{1}, 0)),
              ElementsAre("instance1.gpu0.pcie.d2h"));
  EXPECT_EQ(capacity_of(topology, "storage2.nic0.tx"), 25e9);
  EXPECT_EQ(capacity_of(topology, "serving1.nic0.rx"), 50e9);
  EXPECT_EQ(capacity_of(topology, "instance1.gpu0.pcie.d2h"), 64e9);
}

TEST(Topology, SingleNodeReadsItsPoolThroughTheStorageNicOnly) {
  TopologySpec single = spec(TopologyKind::single_node);
  single.host_dram = 200_GBps;
  const Topology topology(single, 64_GBps, 1);
  EXPECT_THAT(names(topology, topology.network_load(StorageId{0}, InstanceId{0}, 5)),
              ElementsAre("storage0.nic0.tx", "serving0.dram"));
  EXPECT_THAT(names(topology, topology.network_store(InstanceId{0}, StorageId{0}, 5)),
              ElementsAre("serving0.dram", "storage0.nic0.rx"));
}

TEST(Topology, LinksHaveTheKindsThatReportsGroupBy) {
  TopologySpec star = spec(TopologyKind::star);
  star.host_dram = 200_GBps;
  const Topology topology(star, 64_GBps, 1);
  std::set<std::pair<std::string, ResourceKind>> kinds;
  for (const LinkInfo& link : topology.links()) kinds.emplace(link.name, link.kind);
  EXPECT_TRUE(kinds.contains({"serving0.dram", ResourceKind::dram}));
  EXPECT_TRUE(kinds.contains({"serving0.nic0.rx", ResourceKind::network}));
  EXPECT_TRUE(kinds.contains({"instance0.gpu0.pcie.h2d", ResourceKind::pcie}));
  EXPECT_EQ(kinds.size(), topology.links().size()) << "names are unique";
}

TEST(Topology, DramIsSharedByWhatArrivesAndWhatIsCopiedOut) {
  TopologySpec star = spec(TopologyKind::star);
  star.serving_nic = star.storage_nic = at(50_GBps);
  star.host_dram = 60_GBps;
  star.storage_dram = 100_GBps;
  const Topology topology(star, 50_GBps, 1);
  const auto load = topology.network_load(StorageId{0}, InstanceId{0}, 0);
  const auto copy = topology.pcie_load(InstanceId{0}, 0);
  EXPECT_THAT(names(topology, load), ElementsAre("storage0.dram", "storage0.nic0.tx",
                                                 "serving0.nic0.rx", "serving0.dram"));
  EXPECT_THAT(names(topology, copy), ElementsAre("serving0.dram", "instance0.gpu0.pcie.h2d"));
  EXPECT_DOUBLE_EQ(time_of(topology, {load}), 1 / 50.0);
  EXPECT_DOUBLE_EQ(time_of(topology, {load, copy}), 1 / 30.0);
}

TEST(Topology, GpusBehindAPcieSwitchShareItsUplinkPerDirection) {
  TopologySpec star = spec(TopologyKind::star);
  star.instances_per_node = 4;
  star.gpus_per_pcie_switch = 2;
  star.pcie_switch = 60_GBps;
  const Topology topology(star, 50_GBps, 1);
  const auto load = [&](std::uint32_t i) { return topology.pcie_load(InstanceId{i}, 0); };
  const auto store = [&](std::uint32_t i) { return topology.pcie_store(InstanceId{i}, 0); };
  EXPECT_THAT(names(topology, load(3)),
              ElementsAre("serving0.pcie_switch1.down", "instance3.gpu0.pcie.h2d"));
  EXPECT_THAT(names(topology, store(3)),
              ElementsAre("instance3.gpu0.pcie.d2h", "serving0.pcie_switch1.up"));
  EXPECT_DOUBLE_EQ(time_of(topology, {load(0)}), 1 / 50.0);
  EXPECT_DOUBLE_EQ(time_of(topology, {load(0), load(1)}), 1 / 30.0) << "one switch";
  EXPECT_DOUBLE_EQ(time_of(topology, {load(1), load(2)}), 1 / 50.0) << "two switches";
  EXPECT_DOUBLE_EQ(time_of(topology, {load(0), store(1)}), 1 / 50.0) << "two directions";
}

TEST(Topology, TensorParallelInstanceHasALaneForEachGpu) {
  TopologySpec star = spec(TopologyKind::star);
  star.instances_per_node = 2;
  star.gpus_per_pcie_switch = 4;
  star.pcie_switch = 60_GBps;
  const Topology topology(star, 50_GBps, 4);
  EXPECT_THAT(names(topology, topology.pcie_load(InstanceId{1}, 3)),
              ElementsAre("serving0.pcie_switch1.down", "instance1.gpu3.pcie.h2d"));
  EXPECT_EQ(names(topology, {{topology.h2d_lane(InstanceId{1}, 3)}}).front(),
            "instance1.gpu3.pcie.h2d");
  EXPECT_EQ(names(topology, {{topology.d2h_lane(InstanceId{0}, 2)}}).front(),
            "instance0.gpu2.pcie.d2h");
}

TopologySpec leaf_spine() {
  TopologySpec leaf_spine = spec(TopologyKind::leaf_spine);
  leaf_spine.serving_nic = leaf_spine.storage_nic = at(50_GBps);
  leaf_spine.serving_nodes = 4;
  leaf_spine.storage_nodes = 4;
  leaf_spine.nodes_per_leaf = 4;
  leaf_spine.oversubscription = 2;
  return leaf_spine;
}

TEST(Topology, OversubscribedUplinkHasTheNicsBelowOverTheFactor) {
  const Topology topology(leaf_spine(), 64_GBps, 1);
  EXPECT_EQ(capacity_of(topology, "leaf0.spine0.up"), 4 * 50e9 / 2);
  const auto load = [&](std::uint32_t i) {
    return topology.network_load(StorageId{i}, InstanceId{i}, 0);
  };
  EXPECT_THAT(names(topology, load(0)), ElementsAre("storage0.nic0.tx", "leaf1.spine0.up",
                                                    "leaf0.spine0.down", "serving0.nic0.rx"));
  EXPECT_DOUBLE_EQ(time_of(topology, {load(0), load(1)}), 1 / 50.0);
  EXPECT_DOUBLE_EQ(time_of(topology, {load(0), load(1), load(2), load(3)}), 1 / 25.0);
}

TEST(Topology, TrafficWithinALeafStaysThere) {
  TopologySpec mixed = leaf_spine();
  mixed.serving_nodes = 2;  // leaf 0: two serving and two storage nodes
  const Topology topology(mixed, 64_GBps, 1);
  EXPECT_THAT(names(topology, topology.network_load(StorageId{1}, InstanceId{0}, 9)),
              ElementsAre("storage1.nic0.tx", "serving0.nic0.rx"));
}

TEST(Topology, EqualCostPathsAreChosenByHashAndEvenly) {
  TopologySpec wide = leaf_spine();
  wide.spines = 4;
  const Topology topology(wide, 64_GBps, 1);
  const Topology again(wide, 64_GBps, 1);
  EXPECT_EQ(capacity_of(topology, "leaf1.spine3.up"), 4 * 50e9 / 2 / 4);
  std::map<std::string, int> taken;
  for (std::uint64_t run = 0; run < 4000; ++run) {
    const auto route = names(topology, topology.network_load(StorageId{0}, InstanceId{3}, run));
    ASSERT_EQ(route, names(again, again.network_load(StorageId{0}, InstanceId{3}, run)));
    ASSERT_EQ(route.size(), 4U);
    ++taken[route[1]];
    ASSERT_EQ(route[1].substr(6, 6), route[2].substr(6, 6)) << "up and down the same spine";
  }
  ASSERT_EQ(taken.size(), 4U);
  for (const auto& [link, count] : taken) EXPECT_NEAR(count, 1000, 120) << link;
}

TEST(Topology, InstancesOfANodeShareItsNicsOutInTurn) {
  TopologySpec star = spec(TopologyKind::star);
  star.instances_per_node = 4;
  star.nics_per_serving_node = 2;
  const Topology topology(star, 64_GBps, 1);
  const auto nic = [&](std::uint32_t instance, std::uint64_t run) {
    return names(topology, topology.network_load(StorageId{0}, InstanceId{instance}, run))[1];
  };
  for (std::uint64_t run = 0; run < 4; ++run) {
    EXPECT_EQ(nic(0, run), "serving0.nic0.rx");
    EXPECT_EQ(nic(1, run), "serving0.nic1.rx");
    EXPECT_EQ(nic(2, run), "serving0.nic0.rx");
  }
}

TEST(Topology, RunsTakeTheNicsOfTheirInstanceAndStorageNodeInTurn) {
  TopologySpec star = spec(TopologyKind::star);
  star.serving_nodes = 2;
  star.instances_per_node = 2;
  star.nics_per_serving_node = 5;  // instance 0 has nics 0, 2, 4; instance 1 has 1, 3
  star.nics_per_storage_node = 2;
  const Topology topology(star, 64_GBps, 1);
  std::vector<std::string> of_0;
  std::vector<std::string> of_3;
  std::vector<std::string> of_storage;
  for (std::uint64_t run = 0; run < 4; ++run) {
    const auto route = names(topology, topology.network_load(StorageId{0}, InstanceId{0}, run));
    of_storage.push_back(route[0]);
    of_0.push_back(route[1]);
    of_3.push_back(names(topology, topology.network_store(InstanceId{3}, StorageId{0}, run))[0]);
  }
  EXPECT_THAT(of_0, ElementsAre("serving0.nic0.rx", "serving0.nic2.rx", "serving0.nic4.rx",
                                "serving0.nic0.rx"));
  EXPECT_THAT(of_3, ElementsAre("serving1.nic1.tx", "serving1.nic3.tx", "serving1.nic1.tx",
                                "serving1.nic3.tx"));
  EXPECT_THAT(of_storage, ElementsAre("storage0.nic0.tx", "storage0.nic1.tx", "storage0.nic0.tx",
                                      "storage0.nic1.tx"));
}

TEST(Topology, RefusesUnknownNodes) {
  const Topology topology(spec(TopologyKind::star), 64_GBps, 1);
  EXPECT_THROW(topology.network_load(StorageId{1}, InstanceId{0}, 0), ContractViolation);
  EXPECT_THROW(topology.network_load(StorageId{0}, InstanceId{1}, 0), ContractViolation);
  EXPECT_THROW(topology.pcie_load(InstanceId{0}, 1), ContractViolation);
}

}  // namespace
}  // namespace calvo::sim
