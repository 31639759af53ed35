#include "tests/realrun/devices/device_under_test.hpp"

namespace calvo::realrun::testing {

const DeviceUnderTest& device_under_test() {
  static const DeviceUnderTest host{"host", small_shape(), 0};
  return host;
}

}  // namespace calvo::realrun::testing
