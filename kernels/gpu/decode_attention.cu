#include "kernels/gpu/decode_attention.cuh"
#include "kernels/gpu/launch.cuh"

namespace calvo::kernels::gpu {
namespace {

template <int dim>
__global__ void __launch_bounds__(DecodeSizes<dim>::threads, decode_blocks_per_multiprocessor)
    decode_attention_kernel(DecodeAttention args) {
  Decode<dim>(args).run();
}

template <int dim>
__global__ void __launch_bounds__(merge_threads) decode_merge_kernel(DecodeAttention args) {
  decode_merge<dim>(args);
}

template <int dim>
void queue(const DecodeAttention& args, Stream stream) {
  launch(decode_attention_kernel<dim>, decode_shape<dim>(args), stream, "decode_attention", args);
  if (args.plan.splits == 1) return;
  launch(decode_merge_kernel<dim>, decode_merge_shape(args), stream, "decode_attention merge",
         args);
}

}  // namespace

void decode_attention(const DecodeAttention& args, Stream stream) {
  const KvLayout& layout = args.kv.layout;
  CALVO_EXPECT(args.count >= 0 && args.scale > 0);
  CALVO_EXPECT(layout.kv_heads > 0 && args.q_heads > 0 && args.q_heads % layout.kv_heads == 0);
  CALVO_EXPECT(layout.block_tokens > 0 && 0 <= args.kv.layer && args.kv.layer < layout.layers);
  CALVO_EXPECT(aligned(args.q) && aligned(args.out) && aligned(args.kv.pool));
  CALVO_EXPECT(args.q_stride % 8 == 0 && args.out_stride % 8 == 0);
  CALVO_EXPECT(args.plan.split_keys > 0 && args.plan.split_keys % tile_keys == 0);
  CALVO_EXPECT(args.plan.splits >= 1);
  CALVO_EXPECT(args.plan.splits == 1 || (args.workspace != nullptr && aligned(args.workspace)));
  CALVO_EXPECT(layout.head_dim == 64 || layout.head_dim == 128);
  if (layout.head_dim == 64) {
    queue<64>(args, stream);
  } else {
    queue<128>(args, stream);
  }
}

}  // namespace calvo::kernels::gpu
