#include <cmath>

#include "kernels/gpu/launch.cuh"
#include "kernels/gpu/rope.cuh"
#include "kernels/gpu/rope.hpp"

namespace calvo::kernels::gpu {
namespace {

__global__ void __launch_bounds__(rope_threads) rope_table_kernel(RopeTableWork work) {
  rope_table_pair(work);
}

__global__ void __launch_bounds__(rope_threads) rope_kv_write_kernel(RopeKvWrite args) {
  rope_kv_write_row(args);
}

}  // namespace

void rope_table(const RopeTable& args, Stream stream) {
  CALVO_EXPECT(args.batch.rows >= 0);
  CALVO_EXPECT(args.head_dim > 0 && args.head_dim % 2 == 0 && args.base > 0);
  launch(rope_table_kernel, rope_table_shape(args), stream, "rope_table",
         RopeTableWork{args, std::log2(args.base)});
}

void rope_kv_write(const RopeKvWrite& args, Stream stream) {
  const KvLayout& layout = args.kv.layout;
  CALVO_EXPECT(args.batch.rows >= 0 && args.q_heads > 0 && layout.kv_heads > 0);
  CALVO_EXPECT(layout.head_dim > 0 && layout.head_dim % 16 == 0 && layout.block_tokens > 0);
  CALVO_EXPECT(0 <= args.kv.layer && args.kv.layer < layout.layers);
  CALVO_EXPECT(args.stride % 8 == 0 &&
               args.stride >= (args.q_heads + 2 * std::int64_t{layout.kv_heads}) * layout.head_dim);
  CALVO_EXPECT(aligned(args.qkv) && aligned(args.table) && aligned(args.kv.pool));
  launch(rope_kv_write_kernel, rope_kv_write_shape(args), stream, "rope_kv_write", args);
}

}  // namespace calvo::kernels::gpu
