#include "kernels/weight_fill.hpp"

#include <cmath>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "kernels/bf16.hpp"

namespace calvo::kernels {
namespace {

constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;

}  // namespace

WeightFill::WeightFill(std::uint64_t seed, WeightTensor tensor, double deviation)
    : key(mix_bits(mix_bits(seed + golden) + golden * (static_cast<std::uint64_t>(tensor) + 1))),
      scale(static_cast<float>(deviation * std::sqrt(3.0) * 0x1p-23)) {
  CALVO_EXPECT(deviation > 0);
}

float WeightFill::operator()(std::uint64_t index) const {
  const std::uint64_t bits = mix_bits(key + golden * (index + 1)) >> 40;  // 24 of them
  const auto centred = static_cast<std::int32_t>(bits) - (1 << 23);
  return to_float(to_bf16(static_cast<float>(centred) * scale));
}

}  // namespace calvo::kernels
