#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/scenarios/scenario_text.hpp"

namespace calvo::scenarios {
namespace {

namespace fs = std::filesystem;

const char* const measured = R"(hardware:
  gpu: {base: H100, pcie: {latency: 1 us, bandwidth: 3 GB/s}}
  serving_nic: {bandwidth: 2 GB/s}
  storage_nic: {latency: 7 us, bandwidth: 1 GB/s}
truth: {compute: linear, prefill_fixed: 1 ms, per_token: 2 us, decode_fixed: 3 ms}
topology: {round_trip: 99 us}
every_engine: {costs: {step: 11 us, operation: 12 us, lookup: 13 us}}
measured: {by: calvo calibrate, link: {points: 12, worst_error: 0.03}}
)";

class Calibration : public testing::Test {
protected:
  Calibration()
      : file_((fs::temp_directory_path() /
               ("calvo_calibration_" + std::to_string(::getpid()) + "_" +
                testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml"))
                  .string()) {}
  ~Calibration() override { fs::remove(file_); }

  void write(const std::string& text) const { std::ofstream(file_) << text; }
  std::string key() const { return "calibration=" + file_; }

  std::string file_;
};

TEST_F(Calibration, TakesThePlaceOfWhatTheScenarioSaysOfTheMachines) {
  write(measured);
  const Scenario scenario = load_small({key()});
  EXPECT_EQ(scenario.topology.storage_nic.bandwidth, BytesPerSecond{1e9});
  EXPECT_EQ(scenario.topology.serving_nic.bandwidth, BytesPerSecond{2e9});
  EXPECT_EQ(scenario.gpu.pcie.bandwidth, BytesPerSecond{3e9});
  EXPECT_EQ(scenario.topology.round_trip, Seconds{99e-6});
  EXPECT_EQ(scenario.engine.costs.operation, Seconds{12e-6});
  EXPECT_DOUBLE_EQ(scenario.truth->prefill(Tokens{100}, Tokens{0}).count(), 1.2e-3);
  // What it does not speak of stays.
  EXPECT_EQ(scenario.instance.gpu_blocks, 128);
  EXPECT_EQ(scenario.topology.kind, models::TopologyKind::star);
}

TEST_F(Calibration, GivesWayToOverrides) {
  write(measured);
  const Scenario scenario =
      load_small({"hardware.storage_nic.bandwidth=5 GB/s", key(), "truth.per_token=4 us"});
  EXPECT_EQ(scenario.topology.storage_nic.bandwidth, BytesPerSecond{5e9});
  EXPECT_EQ(scenario.topology.storage_nic.latency, Seconds{7e-6});
  EXPECT_DOUBLE_EQ(scenario.truth->prefill(Tokens{100}, Tokens{0}).count(), 1.4e-3);
}

TEST_F(Calibration, IsInTheResolvedScenario) {
  write(measured);
  const Scenario scenario = load_small({key()});
  const Scenario again = load_scenario_text(scenario.resolved_yaml, "r.yaml");
  EXPECT_EQ(again.topology.storage_nic.bandwidth, BytesPerSecond{1e9});
  EXPECT_EQ(again.engine.costs.lookup, Seconds{13e-6});
  EXPECT_EQ(again.resolved_yaml, scenario.resolved_yaml);
}

TEST_F(Calibration, SpeaksOfMachinesOnly) {
  write("memory: {gpu: 1 GiB}\n");
  EXPECT_EQ(error_of(small_scenario, {key()}),
            file_ +
                ":1:9: memory: no part of a calibration (one of: hardware, truth, topology, "
                "every_engine, measured)");
  write("every_engine: {decode: false}\n");
  EXPECT_EQ(error_of(small_scenario, {key()}),
            file_ +
                ":1:24: every_engine.decode: no part of a calibration, which only knows "
                "every_engine.costs; move it to the scenario");
}

TEST_F(Calibration, MustExist) {
  EXPECT_THAT(error_of(small_scenario, {key()}),
              testing::HasSubstr("calibration: no file \"" + file_ + "\""));
}

}  // namespace
}  // namespace calvo::scenarios
