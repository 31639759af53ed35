#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/hardware.hpp"
#include "models/testbed_fit.hpp"
#include "realrun/calibrate/sample.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {

struct DeviceProbeOptions {
  int repeats = 7;
  Seconds longest{0.3};            ///< of one step or copy: bounds the grid on slow devices
  std::int64_t most_tokens = 512;  ///< new ones of a step
  std::int64_t most_sequences = 8;
};

/// A step or a copy alone, and beside the other that never stops.
struct BesideTimes {
  Seconds alone{0}, beside{0};
  /// How much longer it takes; nothing that it took less by chance.
  double slowdown() const { return std::max(0.0, beside / alone - 1); }
};

struct DeviceMeasurement {
  models::TransferFit copy_in, copy_out;
  models::ComputeFit compute;
  /// Of a step of a prompt's part, where copies matter most, and of copies into the device.
  models::Interference interference;
  BesideTimes prefill, decode, copy;
  CopyTables copy_tables;  ///< of a device that has several paths
  /// Time of a step with two prompts / (both alone, less one fixed cost of a step), - 1.
  double two_parts = 0;
  double spread = 0;
  std::vector<Sample> samples;
};

/// Copies and steps of all sizes that the device's pages allow, alone and beside each other. What
/// was in its pages and host memory is lost.
DeviceMeasurement probe_device(Device& device, const DeviceProbeOptions& options);

}  // namespace calvo::realrun
