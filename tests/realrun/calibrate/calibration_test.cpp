#include "realrun/calibrate/calibration.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/scenarios/scenario_text.hpp"

namespace calvo::realrun {
namespace {

namespace fs = std::filesystem;

Calibration some_calibration() {
  Calibration calibration;
  calibration.to_rail = Seconds{25e-6};
  calibration.to_compute = Seconds{15e-6};
  calibration.network.node.model = {Seconds{30e-6}, Seconds{2e-6}, BytesPerSecond{1.1e8}, {}};
  calibration.network.node.quality = {
      24, 0.01, 0.02, 0.03, {{"size", 4096, 1048576}, {"operations", 1, 32}}};
  calibration.network.alone = {BytesPerSecond{1.1e8}, BytesPerSecond{1.12e8}};
  calibration.network.together = BytesPerSecond{2.2e8};
  calibration.network.lookup = Seconds{80e-6};
  calibration.network.lease = Seconds{90e-6};
  calibration.device.copy_in.model = {Seconds{5e-6}, Seconds{1e-6}, BytesPerSecond{3e9}, {}};
  calibration.device.compute.options.prefill_fixed = Seconds{1e-4};
  calibration.device.compute.options.per_token = Seconds{2e-5};
  calibration.device.compute.options.per_pair = Seconds{3e-9};
  calibration.device.compute.options.decode_fixed = Seconds{1.5e-4};
  calibration.device.compute.options.per_sequence = Seconds{4e-5};
  calibration.device.compute.options.per_context_token = Seconds{1e-9};
  calibration.device.interference = {0.05, 0.1};
  return calibration;
}

TEST(CalibrationFile, IsReadAsItWasMeasured) {
  const std::string file =
      (fs::temp_directory_path() / ("calvo_cal_" + std::to_string(::getpid()) + ".yaml")).string();
  const scenarios::Scenario before = scenarios::load_small();
  CalibrateOptions options;
  options.command = "calvo calibrate s.yaml: \"quoted\"";
  std::ofstream(file) << calibration_yaml(before, some_calibration(), options);
  const scenarios::Scenario after = scenarios::load_small({"calibration=" + file});
  fs::remove(file);

  EXPECT_DOUBLE_EQ(after.topology.storage_nic.bandwidth.count(), 1.1e8);
  EXPECT_DOUBLE_EQ(after.topology.storage_nic.per_operation.count(), 2e-6);
  EXPECT_DOUBLE_EQ(after.topology.storage_nic.latency.count(), 120e-6);  // with the lease
  EXPECT_DOUBLE_EQ(after.topology.serving_nic.bandwidth.count(), 2.2e8);
  EXPECT_DOUBLE_EQ(after.gpu.pcie.bandwidth.count(), 3e9);
  EXPECT_DOUBLE_EQ(after.gpu.interference.copy_slows_compute, 0.05);
  EXPECT_DOUBLE_EQ(after.gpu.interference.compute_slows_copy, 0.1);
  EXPECT_DOUBLE_EQ(after.topology.round_trip.count(), 80e-6);
  EXPECT_DOUBLE_EQ(after.engine.costs.step.count(), 30e-6);
  EXPECT_DOUBLE_EQ(after.engine.costs.operation.count(), 50e-6);
  EXPECT_EQ(after.gpu.memory, before.gpu.memory);
  EXPECT_DOUBLE_EQ(after.truth->prefill(Tokens{100}, Tokens{1000}).count(),
                   1e-4 + 100 * 2e-5 + 100 * 1050 * 3e-9);
  // The policies estimate with the same numbers.
  const models::Work work{Tokens{0}, Tokens{0}, Tokens{0}, Tokens{100}};
  EXPECT_NEAR(after.estimates->compute(work).count(), 1e-4 + 100 * 2e-5 + 100 * 50 * 3e-9 + 30e-6,
              1e-9);
}

TEST(CalibrationFile, SaysWhereEachFitsPointsLay) {
  Calibration calibration = some_calibration();
  calibration.device.compute.decode = {
      14, 0.002, 0.54, 0.576, {{"batch", 1, 8}, {"context", 0, 8192}}};
  const std::string yaml = calibration_yaml(scenarios::load_small(), calibration, {});
  EXPECT_THAT(yaml, testing::HasSubstr(
                        "  network: {points: 24, median_error: 0.0100, p90_error: 0.0200, "
                        "worst_error: 0.0300, size: [4096, 1048576], operations: [1, 32]}\n"));
  EXPECT_THAT(yaml, testing::HasSubstr("  decode: {points: 14, median_error: 0.0020, p90_error: "
                                       "0.5400, worst_error: 0.5760, batch: [1, 8], context: [0, "
                                       "8192]}\n"));
  EXPECT_THAT(yaml, testing::HasSubstr("  nodes_alone: [110000000 B/s, 112000000 B/s]\n"));
}

TEST(Calibration, DoubtsFitsThatMissAndNodesThatDiffer) {
  Calibration calibration = some_calibration();
  EXPECT_THAT(doubts_about(calibration), testing::IsEmpty());
  calibration.device.compute.prefill = {24, 0.001, 0.1, 0.3, {}};  // no more than it may be
  calibration.device.compute.decode = {14, 0.002, 0.54, 0.576, {}};
  calibration.network.alone = {BytesPerSecond{1.1e8}, BytesPerSecond{1.2e8}, BytesPerSecond{1e8}};
  EXPECT_THAT(doubts_about(calibration),
              testing::ElementsAre(
                  "the fit of decode misses: one point in ten is more than 54 % off (of 14 points, "
                  "the worst 58 %)",
                  "storage nodes differ: alone, node 2 sends 100 MB/s and node 1 120 MB/s, 20 % "
                  "more; all are predicted with what the first, node 0, does"));
}

TEST(CalibrationFile, ListsEveryMeasurement) {
  Calibration calibration = some_calibration();
  calibration.network.samples.push_back({"network_read", 16448, 4, 1, {0.001, 0.002}});
  EXPECT_EQ(samples_csv(calibration),
            "what,size,count,context,repeat,seconds\n"
            "network_read,16448,4,1,0,0.001\n"
            "network_read,16448,4,1,1,0.002\n");
}

TEST(Sample, SaysMedianAndSpread) {
  const Sample sample{"x", 0, 0, 0, {1, 2, 3, 4, 5}};
  EXPECT_EQ(sample.median(), Seconds{3});
  EXPECT_DOUBLE_EQ(sample.spread(), 1.0 / 3);
}

}  // namespace
}  // namespace calvo::realrun
