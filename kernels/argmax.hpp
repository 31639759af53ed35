#pragma once

#include <cstdint>
#include <span>

namespace calvo::kernels {

/// The index of the largest value, the first of equal ones. Requires: values not empty, none NaN.
std::int32_t argmax_reference(std::span<const float> values);

}  // namespace calvo::kernels
