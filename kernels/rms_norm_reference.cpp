#include <cmath>

#include "core/contract.hpp"
#include "kernels/rms_norm.hpp"

namespace calvo::kernels {

void rms_norm_reference(const RmsNorm& args) {
  CALVO_EXPECT(args.rows >= 0 && args.width > 0 && args.epsilon > 0);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const float* x = args.x + r * args.width;
    float* y = args.y + r * args.width;
    float squares[4] = {};  // independent sums: a chain of additions would be all the time
    std::int64_t i = 0;
    for (; i + 4 <= args.width; i += 4) {
      for (std::int64_t lane = 0; lane < 4; ++lane) squares[lane] += x[i + lane] * x[i + lane];
    }
    for (; i < args.width; ++i) squares[0] += x[i] * x[i];
    const float mean =
        ((squares[0] + squares[1]) + (squares[2] + squares[3])) / static_cast<float>(args.width);
    const float factor = 1 / std::sqrt(mean + args.epsilon);
    for (i = 0; i < args.width; ++i) y[i] = args.weight[i] * (x[i] * factor);
  }
}

}  // namespace calvo::kernels
