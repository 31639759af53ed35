#include <algorithm>

#include "core/contract.hpp"
#include "kernels/matmul.hpp"

namespace calvo::kernels {
namespace {

constexpr std::int64_t block_rows = 48;  // stay in the first-level cache while all panels pass by

namespace any_cpu {
#define CALVO_TILE_TARGET
#define CALVO_TILE_LANES 4  // of every 64-bit CPU
#define CALVO_TILE_ROWS 3
#include "kernels/matmul_tile.inc"
}  // namespace any_cpu

#if defined(__x86_64__)
// avx2 without fma: a fused product would have other bits.
namespace avx2 {
#define CALVO_TILE_TARGET __attribute__((target("avx2")))
#define CALVO_TILE_LANES 8
#define CALVO_TILE_ROWS 6
#include "kernels/matmul_tile.inc"
}  // namespace avx2
#endif

}  // namespace

PanelMatrix::PanelMatrix(std::int64_t depth, std::int64_t columns)
    : depth_(depth),
      columns_(columns),
      data_(static_cast<std::size_t>(panels_of(columns) * depth * panel_width)) {
  CALVO_EXPECT(depth > 0 && columns > 0);
}

Simd best_simd() {
#if defined(__x86_64__)
  static const Simd best = __builtin_cpu_supports("avx2") ? Simd::avx2 : Simd::any_cpu;
  return best;
#else
  return Simd::any_cpu;
#endif
}

void matmul_reference(const Matmul& args, Simd simd) {
  CALVO_EXPECT(args.rows >= 0 && args.depth > 0 && args.panels > 0);
  CALVO_EXPECT(simd == Simd::any_cpu || simd == best_simd());
  auto* multiply_rows = any_cpu::multiply_rows;
#if defined(__x86_64__)
  if (simd == Simd::avx2) multiply_rows = avx2::multiply_rows;
#endif
  for (std::int64_t begin = 0; begin < args.rows; begin += block_rows) {
    const std::int64_t end = std::min(begin + block_rows, args.rows);
    for (std::int64_t panel = 0; panel < args.panels; ++panel) {
      multiply_rows(args, panel, begin, end);
    }
  }
}

}  // namespace calvo::kernels
