#include <algorithm>

#include "core/contract.hpp"
#include "kernels/argmax.hpp"

namespace calvo::kernels {

std::int32_t argmax_reference(std::span<const float> values) {
  CALVO_EXPECT(!values.empty());
  return static_cast<std::int32_t>(std::ranges::max_element(values) - values.begin());
}

}  // namespace calvo::kernels
