#include "kernels/gpu/launch.cuh"
#include "kernels/gpu/weight_fill.cuh"
#include "kernels/gpu/weight_fill.hpp"

namespace calvo::kernels::gpu {
namespace {

__global__ void __launch_bounds__(fill_threads) fill_matrix_kernel(MatrixFill args) {
  fill_segment(args);
}

__global__ void __launch_bounds__(fill_threads) fill_vector_kernel(VectorFill args) {
  fill_element(args);
}

}  // namespace

void fill_matrix(const MatrixFill& args, Stream stream) {
  CALVO_EXPECT(args.rows >= 0 && args.columns >= 0);
  CALVO_EXPECT((args.column_stride == 1 && args.row_stride >= args.columns) ||
               (args.row_stride == 1 && args.column_stride >= args.rows));
  launch(fill_matrix_kernel, fill_matrix_shape(args), stream, "fill_matrix", args);
}

void fill_vector(const VectorFill& args, Stream stream) {
  CALVO_EXPECT(args.count >= 0);
  launch(fill_vector_kernel, fill_vector_shape(args), stream, "fill_vector", args);
}

}  // namespace calvo::kernels::gpu
