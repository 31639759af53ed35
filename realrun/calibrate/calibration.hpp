// What a testbed does, measured part by part: never end to end, so that end-to-end runs can test
// what is predicted from it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "realrun/calibrate/device_probe.hpp"
#include "realrun/calibrate/network_probe.hpp"
#include "scenarios/scenario.hpp"

namespace calvo::realrun {

struct CalibrateOptions {
  NetworkProbeOptions network;
  DeviceProbeOptions device;
  /// Where real runs have these threads; the device pins its own.
  std::optional<int> control_core, network_core, compute_core;
  std::string fabric = "tcp";  ///< for the record
  std::string device_name = "host";
  std::string command;
  std::string date;  ///< ISO 8601, UTC
  std::string machine;
  std::function<void(std::string_view)> progress;  ///< what begins now
};

struct Calibration {
  NetworkMeasurement network;
  DeviceMeasurement device;
  /// From the control thread to another that sleeps, one way.
  Seconds to_rail{0}, to_compute{0};
  std::vector<Sample> hand_over_samples;
};

/// Measures. Takes a minute or two. Throws std::runtime_error if a part fails.
Calibration calibrate(Device& device, const CalibrateOptions& options);

/// The calibration file for `scenario`, as scenarios/calibration.hpp reads it: its GPU with the
/// measured copies, both NICs, the compute model, round trip and fixed costs; and under `measured`
/// how good each fit is and over which ranges. Rates are of payload.
std::string calibration_yaml(const scenarios::Scenario& scenario, const Calibration& calibration,
                             const CalibrateOptions& options);

/// Why predictions from it may be off, a sentence each: a fit of which more than one point in ten
/// is more than 10 % off, storage nodes whose rates are more than 5 % apart.
std::vector<std::string> doubts_about(const Calibration& calibration);

/// One line for each time that was taken: what, size, count, context, repeat, seconds.
std::string samples_csv(const Calibration& calibration);

/// What the file says in short, for the terminal.
std::string calibration_text(const Calibration& calibration);

}  // namespace calvo::realrun
