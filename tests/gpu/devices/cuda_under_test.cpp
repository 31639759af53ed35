#include "tests/gpu/devices/cuda_shapes.hpp"
#include "tests/realrun/devices/device_under_test.hpp"

namespace calvo::realrun::testing {

const DeviceUnderTest& device_under_test() {
  static const DeviceUnderTest cuda{"cuda", gpu_shape(64), bf16_tolerance};
  return cuda;
}

}  // namespace calvo::realrun::testing
