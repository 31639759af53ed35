// Eight bf16 values in a word, as floats and back.
#pragma once

#include "kernels/bf16.hpp"
#include "kernels/gpu/simt.hpp"

namespace calvo::kernels::gpu {

/// Values of a Word.
inline constexpr int word_values = 8;

CALVO_DEVICE const simt::Word* words(const Bf16* values) {
  return reinterpret_cast<const simt::Word*>(values);
}
CALVO_DEVICE simt::Word* words(Bf16* values) {
  return reinterpret_cast<simt::Word*>(values);
}

CALVO_DEVICE void unpack_two(std::uint32_t pair, float* to) {
  to[0] = simt::as_float(pair << 16);
  to[1] = simt::as_float(pair & 0xffff0000U);
}
CALVO_DEVICE void unpack(const simt::Word& word, float (&to)[word_values]) {
  unpack_two(word.x, to);
  unpack_two(word.y, to + 2);
  unpack_two(word.z, to + 4);
  unpack_two(word.w, to + 6);
}
CALVO_DEVICE simt::Word pack(const float (&from)[word_values]) {
  return {simt::pack_bf16(from[0], from[1]), simt::pack_bf16(from[2], from[3]),
          simt::pack_bf16(from[4], from[5]), simt::pack_bf16(from[6], from[7])};
}

/// Eight floats.
CALVO_DEVICE void load_floats(const float* from, float (&to)[word_values]) {
  const simt::Word low = simt::load(reinterpret_cast<const simt::Word*>(from));
  const simt::Word high = simt::load(reinterpret_cast<const simt::Word*>(from) + 1);
  to[0] = simt::as_float(low.x);
  to[1] = simt::as_float(low.y);
  to[2] = simt::as_float(low.z);
  to[3] = simt::as_float(low.w);
  to[4] = simt::as_float(high.x);
  to[5] = simt::as_float(high.y);
  to[6] = simt::as_float(high.z);
  to[7] = simt::as_float(high.w);
}

}  // namespace calvo::kernels::gpu
