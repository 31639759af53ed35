#pragma once

#include <memory>

#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// This machine's CPU: pages in RAM, real copies, a small transformer in float32. The reference for
/// other devices. Throws InputError for a shape or size that it cannot have.
std::unique_ptr<Device> make_host_device(const DeviceOptions& options);

}  // namespace calvo::realrun
