#include "kernels/gpu/launch.cuh"
#include "kernels/gpu/lse_merge.cuh"

namespace calvo::kernels::gpu {
namespace {

__global__ void __launch_bounds__(lse_merge_threads) lse_merge_kernel(LseMerge args) {
  lse_merge_word(args);
}

}  // namespace

void lse_merge(const LseMerge& args, Stream stream) {
  CALVO_EXPECT(args.rows >= 0 && args.count >= 1);
  CALVO_EXPECT(args.width > 0 && args.width % word_values == 0);
  CALVO_EXPECT(aligned(args.parts) && aligned(args.out));
  launch(lse_merge_kernel, lse_merge_shape(args), stream, "lse_merge", args);
}

}  // namespace calvo::kernels::gpu
