#pragma once

#include <bit>
#include <cstdint>

namespace calvo::kernels {

/// One bf16 value in memory: the upper half of a float.
enum class Bf16 : std::uint16_t {};

constexpr float to_float(Bf16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

/// To the nearest, ties to even. Requires: value is not NaN.
constexpr Bf16 to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return Bf16{static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16)};
}

}  // namespace calvo::kernels
