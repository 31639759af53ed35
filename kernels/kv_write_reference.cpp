#include "core/contract.hpp"
#include "kernels/kv_write.hpp"

namespace calvo::kernels {
namespace {

void round_row(const float* from, Bf16* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = to_bf16(from[i]);
}

}  // namespace

void kv_write_reference(const KvWrite& args) {
  const KvLayout& layout = args.kv.layout;
  CALVO_EXPECT(args.rows >= 0 && args.first >= 0);
  CALVO_EXPECT(args.first + args.rows <=
               static_cast<std::int64_t>(args.kv.pages.size()) * layout.block_tokens);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::int64_t position = args.first + r;
    round_row(args.keys + r * args.stride, args.kv.keys(position), layout.token_values());
    round_row(args.values + r * args.stride, args.kv.values(position), layout.token_values());
  }
}

}  // namespace calvo::kernels
