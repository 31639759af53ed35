#include "kernels/gpu/launch.cuh"
#include "kernels/gpu/sm_copy.cuh"
#include "kernels/gpu/sm_copy.hpp"

namespace calvo::kernels::gpu {
namespace {

__global__ void __launch_bounds__(sm_copy_threads) sm_copy_kernel(SmCopy args) {
  sm_copy_segments_of_warp(args);
}

}  // namespace

void sm_copy(const SmCopy& args, Stream stream) {
  CALVO_EXPECT(args.count >= 0 && args.thread_blocks > 0);
  CALVO_EXPECT(args.size.count() >= 0 && args.size.count() % 16 == 0);
  launch(sm_copy_kernel, sm_copy_shape(args), stream, "sm_copy", args);
}

}  // namespace calvo::kernels::gpu
