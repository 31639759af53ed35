#pragma once

#include <memory>
#include <optional>
#include <string>

#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// A GPU: pages in its memory, host memory pinned near it, a transformer in bf16. Built with
/// CALVO_CUDA only. Throws InputError for a shape, an option or a size that it cannot have.
std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options);

/// Why this machine cannot have one; nothing: it can.
std::optional<std::string> cuda_missing();

}  // namespace calvo::realrun
