#include <algorithm>

#include "core/contract.hpp"
#include "kernels/matmul.hpp"

namespace calvo::kernels {
namespace {

using Lanes = float __attribute__((vector_size(16), aligned(4)));  // of every 64-bit CPU
constexpr std::int64_t lanes = 4;
constexpr std::int64_t vectors = panel_width / lanes;
constexpr std::int64_t most_rows = 3;  // 12 sums, 3 factors: what 16 registers hold
constexpr std::int64_t block_rows = 48;

template <std::int64_t rows>
void multiply_tile(const float* x, std::int64_t x_stride, const float* panel, std::int64_t depth,
                   float* y, std::int64_t y_stride, bool add) {
  Lanes sum[rows][vectors] = {};
  if (add) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t v = 0; v < vectors; ++v) {
        sum[r][v] = *reinterpret_cast<const Lanes*>(y + r * y_stride + v * lanes);
      }
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    const auto* w = reinterpret_cast<const Lanes*>(panel + k * panel_width);
#pragma GCC unroll 8
    for (std::int64_t r = 0; r < rows; ++r) {
      const float factor = x[r * x_stride + k];
#pragma GCC unroll 8
      for (std::int64_t v = 0; v < vectors; ++v) sum[r][v] += factor * w[v];
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t v = 0; v < vectors; ++v) {
      *reinterpret_cast<Lanes*>(y + r * y_stride + v * lanes) = sum[r][v];
    }
  }
}

}  // namespace

PanelMatrix::PanelMatrix(std::int64_t depth, std::int64_t columns)
    : depth_(depth),
      columns_(columns),
      data_(static_cast<std::size_t>(panels_of(columns) * depth * panel_width)) {
  CALVO_EXPECT(depth > 0 && columns > 0);
}

void matmul_reference(const Matmul& args) {
  CALVO_EXPECT(args.rows >= 0 && args.depth > 0 && args.panels > 0);
  // A block of rows stays in the first-level cache while all panels pass by.
  for (std::int64_t begin = 0; begin < args.rows; begin += block_rows) {
    const std::int64_t end = std::min(begin + block_rows, args.rows);
    for (std::int64_t panel = 0; panel < args.panels; ++panel) {
      const float* w = args.w + panel * args.depth * panel_width;
      std::int64_t r = begin;
      const auto tile = [&]<std::int64_t rows>() {
        multiply_tile<rows>(args.x + r * args.x_stride, args.x_stride, w, args.depth,
                            args.y + r * args.y_stride + panel * panel_width, args.y_stride,
                            args.add);
        r += rows;
      };
      while (r + most_rows <= end) tile.template operator()<most_rows>();
      while (r < end) tile.template operator()<1>();
    }
  }
}

}  // namespace calvo::kernels
