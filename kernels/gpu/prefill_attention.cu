#include "kernels/gpu/launch.cuh"
#include "kernels/gpu/prefill_attention.cuh"

namespace calvo::kernels::gpu {
namespace {

template <int dim>
__global__ void __launch_bounds__(PrefillSizes<dim>::threads, 2)
    prefill_attention_kernel(PrefillAttention args) {
  Prefill<dim>(args).run();
}

}  // namespace

void prefill_attention(const PrefillAttention& args, Stream stream) {
  const KvLayout& layout = args.kv.layout;
  CALVO_EXPECT(args.tile_count >= 0 && args.scale > 0);
  CALVO_EXPECT(layout.kv_heads > 0 && args.q_heads > 0 && args.q_heads % layout.kv_heads == 0);
  CALVO_EXPECT(layout.block_tokens > 0 && 0 <= args.kv.layer && args.kv.layer < layout.layers);
  CALVO_EXPECT(aligned(args.q) && aligned(args.out) && aligned(args.kv.pool));
  CALVO_EXPECT(args.q_stride % 8 == 0 && args.out_stride % 8 == 0);
  CALVO_EXPECT(layout.head_dim == 64 || layout.head_dim == 128);
  if (layout.head_dim == 64) {
    launch(prefill_attention_kernel<64>, prefill_shape<64>(args), stream, "prefill_attention",
           args);
  } else {
    launch(prefill_attention_kernel<128>, prefill_shape<128>(args), stream, "prefill_attention",
           args);
  }
}

}  // namespace calvo::kernels::gpu
