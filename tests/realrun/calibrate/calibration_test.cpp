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
  calibration.network.node.quality = {24, 0.01, 0.02, 0.03};
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
