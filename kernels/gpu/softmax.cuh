// The online softmax of rows of scores that lie in registers as tensor cores leave them. Source:
// Milakov and Gimelshein, arXiv 1805.02867; Dao, arXiv 2307.08691.
#pragma once

#include <limits>

#include "kernels/gpu/simt.hpp"

namespace calvo::kernels::gpu {

inline constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// Of one row: 4 lanes side by side hold it together.
struct SoftmaxRow {
  float largest = minus_infinity;  ///< score so far, unscaled; the same in the 4 lanes
  float sum = 0;                   ///< of this lane's weights

  /// Takes in this lane's largest new score. Returns what everything so far has to be multiplied
  /// by: exactly 1 if the maximum stays.
  CALVO_DEVICE float raise(float score, float scale_log2) {
    score = simt::larger(score, simt::shuffle_xor(score, 1));
    score = simt::larger(score, simt::shuffle_xor(score, 2));
    const float before = largest;
    largest = simt::larger(before, score);
    const float drop = before == largest ? 0 : before - largest;  // never of two infinities
    const float factor = simt::exp2_fast(drop * scale_log2);
    sum *= factor;
    return factor;
  }
  /// The maximum; without keys 0, so that differences from it are never of infinities alone.
  CALVO_DEVICE float reference() const { return largest == minus_infinity ? 0 : largest; }

  /// The sum over the 4 lanes. Once.
  CALVO_DEVICE void complete() {
    sum += simt::shuffle_xor(sum, 1);
    sum += simt::shuffle_xor(sum, 2);
  }
};

/// log(sum of exp(score * scale)) of a row, -infinity without keys.
CALVO_DEVICE float log_sum_exp(float largest, float sum, float scale) {
  return largest == minus_infinity ? minus_infinity : largest * scale + simt::log_fast(sum);
}

}  // namespace calvo::kernels::gpu
