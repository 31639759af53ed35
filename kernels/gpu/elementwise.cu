#include "kernels/gpu/elementwise.cuh"
#include "kernels/gpu/elementwise.hpp"
#include "kernels/gpu/launch.cuh"

namespace calvo::kernels::gpu {
namespace {

__global__ void __launch_bounds__(embedding_threads) embedding_kernel(Embedding args) {
  embedding_row(args);
}

__global__ void __launch_bounds__(512) rms_norm_kernel(RmsNorm args) {
  rms_norm_row(args);
}

__global__ void __launch_bounds__(swiglu_threads) swiglu_kernel(Swiglu args) {
  swiglu_segment(args);
}

__global__ void __launch_bounds__(argmax_threads) argmax_kernel(Argmax args) {
  argmax_row(args);
}

}  // namespace

void embedding(const Embedding& args, Stream stream) {
  CALVO_EXPECT(args.rows >= 0 && args.width > 0 && args.width % word_values == 0);
  CALVO_EXPECT(aligned(args.table) && aligned(args.out));
  launch(embedding_kernel, embedding_shape(args), stream, "embedding", args);
}

void rms_norm(const RmsNorm& args, Stream stream) {
  CALVO_EXPECT(args.rows >= 0 && args.epsilon > 0);
  CALVO_EXPECT(args.width > 0 && args.width % word_values == 0 && args.width <= 65536);
  CALVO_EXPECT(aligned(args.x) && aligned(args.residual) && aligned(args.weight) &&
               aligned(args.y));
  launch(rms_norm_kernel, rms_norm_shape(args), stream, "rms_norm", args);
}

void swiglu(const Swiglu& args, Stream stream) {
  CALVO_EXPECT(args.rows >= 0 && args.width > 0 && args.width % word_values == 0);
  CALVO_EXPECT(aligned(args.gate_up) && aligned(args.out));
  launch(swiglu_kernel, swiglu_shape(args), stream, "swiglu", args);
}

void argmax(const Argmax& args, Stream stream) {
  CALVO_EXPECT(args.rows >= 0 && 0 < args.width && args.width <= args.stride);
  CALVO_EXPECT(args.width <= std::numeric_limits<std::int32_t>::max());
  CALVO_EXPECT(args.stride % 4 == 0 && aligned(args.values));
  launch(argmax_kernel, argmax_shape(args), stream, "argmax", args);
}

}  // namespace calvo::kernels::gpu
