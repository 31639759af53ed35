#include "kernels/vector_exp.hpp"

#include <algorithm>

#include <Eigen/Core>

namespace calvo::kernels {

void vector_exp(float* x, std::int64_t n) {
  // Whole vectors only: Eigen computes the rest of an array by the C library, with other bits.
  using Tile = Eigen::Array<float, 16, 1>;
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    Eigen::Map<Tile> tile(x + i);
    tile = tile.exp();
  }
  if (i == n) return;
  Tile rest = Tile::Zero();
  std::copy(x + i, x + n, rest.data());
  rest = rest.exp().eval();
  std::copy(rest.data(), rest.data() + (n - i), x + i);
}

}  // namespace calvo::kernels
