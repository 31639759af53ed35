#include "kernels/weight_fill.hpp"

#include <cmath>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::kernels {

WeightFill::WeightFill(std::uint64_t seed, WeightTensor tensor, double deviation)
    : key(mix_bits(mix_bits(seed + golden) + golden * (static_cast<std::uint64_t>(tensor) + 1))),
      scale(static_cast<float>(deviation * std::sqrt(3.0) * 0x1p-23)) {
  CALVO_EXPECT(deviation > 0);
}

}  // namespace calvo::kernels
