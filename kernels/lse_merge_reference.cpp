#include <algorithm>
#include <cmath>
#include <limits>

#include "core/contract.hpp"
#include "kernels/lse_merge.hpp"

namespace calvo::kernels {

void lse_merge_reference(const LseMerge& args) {
  CALVO_EXPECT(args.rows >= 0 && args.width > 0);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const float largest = std::max(args.lse_a[r], args.lse_b[r]);
    const bool empty = largest == -std::numeric_limits<float>::infinity();
    const float weight_a = empty ? 0 : std::exp(args.lse_a[r] - largest);
    const float weight_b = empty ? 0 : std::exp(args.lse_b[r] - largest);
    const float inverse = empty ? 0 : 1 / (weight_a + weight_b);
    for (std::int64_t i = r * args.width; i < (r + 1) * args.width; ++i) {
      args.out[i] = weight_a * inverse * args.a[i] + weight_b * inverse * args.b[i];
    }
    args.lse[r] = empty ? largest : largest + std::log(weight_a + weight_b);
  }
}

}  // namespace calvo::kernels
