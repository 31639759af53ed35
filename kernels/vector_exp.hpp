#pragma once

#include <cstdint>

namespace calvo::kernels {

/// x[i] = e^x[i]. An element has the same bits wherever it stands and whatever n is.
/// Accurate to 2 units in the last place; below -87.3 it is about 1e-38, not 0.
void vector_exp(float* x, std::int64_t n);

}  // namespace calvo::kernels
