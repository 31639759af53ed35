#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// A GPU: pages in its memory, host memory pinned near it, a transformer in bf16. Built with
/// CALVO_CUDA only. Throws InputError for a shape, an option or a size that it cannot have, and for
/// what the driver or cuBLASLt refuse while it is made.
std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options);

/// Steps that it has replayed from a captured graph so far. Requires: made by make_cuda_device().
std::int64_t graph_steps(const Device& device);

/// Why this machine cannot have one; nothing: it can.
std::optional<std::string> cuda_missing();

}  // namespace calvo::realrun
