#include <algorithm>

#include "core/contract.hpp"
#include "kernels/embedding.hpp"

namespace calvo::kernels {

void embedding_reference(const Embedding& args) {
  CALVO_EXPECT(args.width > 0);
  float* out = args.out;
  for (const std::int32_t token : args.tokens) {
    CALVO_EXPECT(0 <= token && token < args.vocab);
    out = std::copy_n(args.table + token * args.width, args.width, out);
  }
}

}  // namespace calvo::kernels
