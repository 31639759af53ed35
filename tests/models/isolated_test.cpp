#include "models/isolated.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "models/linear_compute_model.hpp"
#include "tests/models/shipped.hpp"

namespace calvo::models {
namespace {

using namespace calvo::literals;

TransferModel link(double latency_us, double operation_us, double gigabytes_per_second) {
  return {.latency = Seconds{latency_us * 1e-6},
          .per_operation = Seconds{operation_us * 1e-6},
          .bandwidth = BytesPerSecond{gigabytes_per_second * 1e9},
          .curve = {}};
}

LoadPath simple_path() {
  LoadPath path;
  path.network = link(10, 0, 10);
  path.pcie = link(5, 0, 40);
  path.block_tokens = Tokens{100};
  path.block_bytes = Bytes{10'000'000};  // 1 ms over the network, 0.25 ms over PCIe
  path.round_trip = Seconds{20e-6};
  path.lookup_cost = Seconds{100e-6};
  path.step_cost = Seconds{2e-3};
  return path;
}

const LinearComputeModel& line() {
  static const LinearComputeModel model({.prefill_fixed = Seconds{5e-3},
                                         .per_token = Seconds{10e-6},
                                         .per_pair = Seconds{0},
                                         .decode_fixed = Seconds{5e-3},
                                         .per_sequence = Seconds{0},
                                         .per_context_token = Seconds{0},
                                         .layers = 1});
  return model;
}

TEST(IsolatedTtft, IsLookupThenPipelinedLoadThenPrefill) {
  const IsolatedTtft ttft = isolated_ttft(simple_path(), line(), Tokens{1050}, 8);
  EXPECT_DOUBLE_EQ(ttft.lookup.count(), 120e-6);
  EXPECT_DOUBLE_EQ(ttft.load.count(), 15e-6 + 8 * 1e-3 + 0.25e-3);
  EXPECT_DOUBLE_EQ(ttft.prefill.count(), 2e-3 + 5e-3 + 250 * 10e-6);
  EXPECT_DOUBLE_EQ(ttft.total().count(), (ttft.lookup + ttft.load + ttft.prefill).count());
}

TEST(IsolatedTtft, FullHitStillComputesOneToken) {
  const IsolatedTtft ttft = isolated_ttft(simple_path(), line(), Tokens{800}, 8);
  EXPECT_DOUBLE_EQ(ttft.prefill.count(), 2e-3 + 5e-3 + 10e-6);
}

TEST(IsolatedTtft, WithoutAHitThereIsNoLoad) {
  EXPECT_EQ(isolated_ttft(simple_path(), line(), Tokens{99}, 0).load, Seconds{0});
  EXPECT_THROW(isolated_ttft(simple_path(), line(), Tokens{99}, 1), ContractViolation);
}

TEST(PrefillTime, ChunksPayAStepEach) {
  LoadPath path = simple_path();
  path.chunk_tokens = Tokens{100};
  EXPECT_NEAR(prefill_time(path, line(), Tokens{250}, Tokens{0}).count(),
              3 * (2e-3 + 5e-3) + 250 * 10e-6, 1e-15);
}

TEST(LoadTime, LanesDramAndSerialRunsChangeIt) {
  LoadPath path = simple_path();
  const double one = load_time(path, 100, 0).count();
  path.lanes = 4;  // PCIe is four times as fast: the tail alone shrinks
  EXPECT_NEAR(one - load_time(path, 100, 0).count(), 0.25e-3 * 3 / 4, 1e-12);
  path.lanes = 1;
  path.blocks_per_run = 10;
  path.runs_in_flight = 1;  // ten runs, each with its latency
  path.operation_cost = Seconds{50e-6};
  EXPECT_NEAR(load_time(path, 100, 0).count() - one, 9 * 15e-6 + 10 * 2 * 50e-6, 1e-12);
  path = simple_path();
  path.host_dram = 12_GBps;  // both stages cross it: 20 MB a block
  EXPECT_NEAR(load_time(path, 100, 0).count(), 15e-6 + 100 * 20e6 / 12e9, 1e-9);
}

TEST(LoadTime, HostBlocksKeepPcieBusyWhileTheNetworkLoads) {
  const LoadPath path = simple_path();
  // 8 ms of network hide 16 host blocks (4 ms of PCIe); 64 of them (16 ms) hide the network.
  EXPECT_DOUBLE_EQ(load_time(path, 8, 16).count(), 15e-6 + 8e-3 + 0.25e-3);
  EXPECT_DOUBLE_EQ(load_time(path, 8, 64).count(), 5e-6 + 72 * 0.25e-3);
}

TEST(MakeLoadPath, TakesTheSlowestOfEverySize) {
  TopologySpec topology;
  topology.serving_nic = testing::catalogue().find_nic("rdma_400g")->link;
  topology.storage_nic = testing::catalogue().find_nic("rdma_100g")->link;
  topology.nics_per_serving_node = 4;
  topology.instances_per_node = 2;
  const LoadPath path = make_load_path(topology, testing::gpu("H100"), 2);
  EXPECT_DOUBLE_EQ(path.network.bandwidth.count(), 12.1e9);
  EXPECT_EQ(path.nics, 2);
  EXPECT_EQ(path.lanes, 2);
  topology.kind = TopologyKind::single_node;
  topology.serving_nic = {};  // there is none
  topology.storage_nic = testing::catalogue().find_storage("nvme_ssd")->link;
  EXPECT_DOUBLE_EQ(make_load_path(topology, testing::gpu("H100"), 1).network.bandwidth.count(),
                   6.5e9);
}

class LoadTimeProperty : public ::testing::TestWithParam<int> {};

// Block by block: each stage takes one block at a time, a remote block is copied when it landed.
Seconds two_stage_recurrence(const LoadPath& path, std::int64_t remote, std::int64_t host) {
  const BlockTimes each = block_times(path);
  Seconds copied{0};
  for (std::int64_t i = 0; i < host; ++i) copied += each.pcie;
  Seconds landed = path.network.latency + path.operation_cost;
  for (std::int64_t i = 0; i < remote; ++i) {
    landed += each.network;
    copied = std::max(copied, landed) + each.pcie;
  }
  return path.pcie.latency + path.operation_cost + copied;
}

TEST_P(LoadTimeProperty, ClosedFormEqualsTheRecurrenceOverBlocks) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  LoadPath path;
  path.network = link(20 * random.uniform(), 5 * random.uniform(), 1 + 60 * random.uniform());
  path.pcie = link(20 * random.uniform(), 5 * random.uniform(), 1 + 60 * random.uniform());
  path.lanes = static_cast<std::int32_t>(1 + random.below(4));
  path.operation_cost = Seconds{1e-4 * random.uniform()};
  path.block_bytes = Bytes{static_cast<std::int64_t>(1 + random.below(64 << 20))};
  const auto remote = static_cast<std::int64_t>(random.below(500));
  const auto host = static_cast<std::int64_t>(1 + random.below(500));
  const double exact = two_stage_recurrence(path, remote, host).count();
  EXPECT_NEAR(load_time(path, remote, host).count(), exact, 1e-9 * exact);
  EXPECT_LE(load_time(path, remote, host), load_time(path, remote, host, LoadOverlap::serial));
  EXPECT_LE(load_time(path, remote, host), load_time(path, remote + 1, host));
}

INSTANTIATE_TEST_SUITE_P(Seed, LoadTimeProperty, ::testing::Range(0, 50));

}  // namespace
}  // namespace calvo::models
