#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace calvo::kernels {

/// Columns of a panel: one cache line of floats.
inline constexpr std::int64_t panel_width = 16;

/// The number of panels that hold `columns`.
constexpr std::int64_t panels_of(std::int64_t columns) {
  return (columns + panel_width - 1) / panel_width;
}

/// A matrix as products read it: [panels][depth][panel_width], columns padded with zeros.
class PanelMatrix {
public:
  PanelMatrix() = default;
  /// Zeros.
  PanelMatrix(std::int64_t depth, std::int64_t columns);

  std::int64_t depth() const { return depth_; }
  std::int64_t columns() const { return columns_; }
  float& at(std::int64_t row, std::int64_t column) {
    return data_[static_cast<std::size_t>((column / panel_width * depth_ + row) * panel_width +
                                          column % panel_width)];
  }
  const float* data() const { return data_.data(); }

private:
  std::int64_t depth_ = 0;
  std::int64_t columns_ = 0;
  std::vector<float> data_;
};

/// y = x * w + (add ? y : 0) in float32:
///
///   x [rows][depth], rows x_stride apart; w [panels][depth][panel_width];
///   y [rows][panels * panel_width], rows y_stride apart
///
/// Each element is summed in order of depth, one rounding a product and one a sum, whatever `rows`
/// is: a row has the same bits alone, in any batch and on any machine. (A library's product splits
/// the depth by cache sizes and by the number of rows, and promises neither.)
///
/// Requires: y overlaps neither x nor w.
/// Bound:    arithmetic, 2 * rows * depth * columns operations.
struct Matmul {
  const float* x = nullptr;
  std::int64_t x_stride = 0;
  const float* w = nullptr;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  std::int64_t rows = 0;
  std::int64_t depth = 0;
  std::int64_t panels = 0;
  bool add = false;
};

/// Instruction sets; all give the same bits.
enum class Simd : std::uint8_t { any_cpu, avx2 };
/// The fastest that this machine has.
Simd best_simd();

/// Requires: this machine has `simd`.
void matmul_reference(const Matmul& args, Simd simd = best_simd());

}  // namespace calvo::kernels
