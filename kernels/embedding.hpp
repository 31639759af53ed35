#pragma once

#include <cstdint>
#include <span>

namespace calvo::kernels {

/// out[r][:] = table[tokens[r]][:]
///
/// Requires: table [vocab][width], out [tokens][width]; 0 <= tokens[r] < vocab.
/// Bound:    memory traffic, 8 * tokens * width bytes.
struct Embedding {
  const float* table = nullptr;
  std::int64_t vocab = 0;
  std::span<const std::int32_t> tokens;
  float* out = nullptr;
  std::int64_t width = 0;
};

void embedding_reference(const Embedding& args);

}  // namespace calvo::kernels
