#include "core/contract.hpp"
#include "kernels/swiglu.hpp"
#include "kernels/vector_exp.hpp"

namespace calvo::kernels {

void swiglu_reference(const Swiglu& args) {
  CALVO_EXPECT(args.rows >= 0 && args.width > 0);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const float* gate = args.gate + r * args.in_stride;
    const float* up = args.up + r * args.in_stride;
    float* out = args.out + r * args.width;
    for (std::int64_t i = 0; i < args.width; ++i) out[i] = -gate[i];
    vector_exp(out, args.width);
    for (std::int64_t i = 0; i < args.width; ++i) out[i] = gate[i] / (1 + out[i]) * up[i];
  }
}

}  // namespace calvo::kernels
