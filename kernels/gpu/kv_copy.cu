#include "kernels/gpu/kv_copy.cuh"
#include "kernels/gpu/kv_copy.hpp"
#include "kernels/gpu/launch.cuh"

namespace calvo::kernels::gpu {
namespace {

template <bool to_pages, bool with_checksums>
__global__ void __launch_bounds__(kv_copy_threads) kv_copy_kernel(KvCopy args) {
  kv_copy_block<to_pages, with_checksums>(args);
}

template <bool to_pages>
void copy(const KvCopy& args, Stream stream, const char* what) {
  CALVO_EXPECT(args.blocks >= 0 && aligned(args.pool) && aligned(args.staging));
  CALVO_EXPECT(args.page_size.count() % 16 == 0 && args.staging_stride.count() % 16 == 0);
  CALVO_EXPECT(args.range.offset.count() % 16 == 0 && args.range.size.count() % 16 == 0);
  CALVO_EXPECT(args.range.offset.count() >= 0 && args.range.size.count() >= 0);
  CALVO_EXPECT(args.range.offset + args.range.size <= args.page_size);
  CALVO_EXPECT(args.range.size <= args.staging_stride);
  if (args.checksums == nullptr) {
    launch(kv_copy_kernel<to_pages, false>, kv_copy_shape(args), stream, what, args);
    return;
  }
  cuda_check(
      cudaMemsetAsync(args.checksums, 0,
                      static_cast<std::size_t>(args.blocks) * sizeof(*args.checksums), stream),
      what);
  launch(kv_copy_kernel<to_pages, true>, kv_copy_shape(args), stream, what, args);
}

}  // namespace

void kv_gather(const KvCopy& args, Stream stream) {
  copy<false>(args, stream, "kv_gather");
}

void kv_scatter(const KvCopy& args, Stream stream) {
  copy<true>(args, stream, "kv_scatter");
}

}  // namespace calvo::kernels::gpu
