#include <cmath>
#include <vector>

#include "core/contract.hpp"
#include "kernels/rope.hpp"

namespace calvo::kernels {

void rope_table(std::span<const std::int64_t> positions, std::int32_t head_dim, double base,
                std::span<float> table) {
  CALVO_EXPECT(head_dim > 0 && head_dim % 2 == 0 && base > 0);
  CALVO_EXPECT(table.size() == positions.size() * static_cast<std::size_t>(head_dim));
  const std::int32_t half = head_dim / 2;
  std::vector<double> frequencies(static_cast<std::size_t>(half));
  for (std::int32_t i = 0; i < half; ++i) {
    frequencies[static_cast<std::size_t>(i)] = std::pow(base, -2.0 * i / head_dim);
  }
  float* row = table.data();
  for (const std::int64_t position : positions) {
    for (std::int32_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position) * frequencies[static_cast<std::size_t>(i)];
      row[i] = static_cast<float>(std::cos(angle));
      row[half + i] = static_cast<float>(std::sin(angle));
    }
    row += head_dim;
  }
}

void rope_reference(const Rope& args) {
  CALVO_EXPECT(args.rows >= 0 && args.heads > 0);
  CALVO_EXPECT(args.head_dim > 0 && args.head_dim % 2 == 0);
  const std::int32_t half = args.head_dim / 2;
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const float* cosines = args.table + r * args.head_dim;
    const float* sines = cosines + half;
    for (std::int32_t head = 0; head < args.heads; ++head) {
      float* low = args.x + r * args.stride + std::int64_t{head} * args.head_dim;
      float* high = low + half;
      for (std::int32_t i = 0; i < half; ++i) {
        const float a = low[i];
        const float b = high[i];
        low[i] = a * cosines[i] - b * sines[i];
        high[i] = b * cosines[i] + a * sines[i];
      }
    }
  }
}

}  // namespace calvo::kernels
