#pragma once

#include <vector>

#include "models/hardware.hpp"
#include "models/testbed_fit.hpp"
#include "realrun/calibrate/sample.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {

struct DeviceProbeOptions {
  int repeats = 7;
  Seconds longest{0.3};  ///< of one step or copy: bounds the grid on slow devices
};

struct DeviceMeasurement {
  models::TransferFit copy_in, copy_out;
  models::ComputeFit compute;
  models::Interference interference;
  double two_parts = 0;  ///< time of a step with two prompts / (sum of both alone), - 1
  double spread = 0;
  std::vector<Sample> samples;
};

/// Copies and steps of all sizes that the device's pages allow, alone and beside each other. What
/// was in its pages and host memory is lost.
DeviceMeasurement probe_device(Device& device, const DeviceProbeOptions& options);

}  // namespace calvo::realrun
