#include "realrun/engine/tokens.hpp"

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::realrun {
namespace {

constexpr std::uint64_t of_blocks = 0x626c6f636b746f6bULL;    // two spaces of token ids, so that a
constexpr std::uint64_t of_requests = 0x7265717565737473ULL;  // request 7 is not a block 7

std::int32_t draw(std::uint64_t seed, std::uint64_t space, std::uint64_t name,
                  std::int64_t position, std::int32_t vocab) {
  const std::uint64_t text = mix_bits(mix_bits(seed ^ space) + name);
  const std::uint64_t bits = mix_bits(text + static_cast<std::uint64_t>(position));
  return static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(vocab));
}

}  // namespace

std::int32_t token_at(std::uint64_t seed, const RequestSpec& spec, std::int64_t block_tokens,
                      std::int64_t position, std::int32_t vocab) {
  CALVO_EXPECT(block_tokens > 0 && position >= 0 && vocab > 0);
  std::int64_t block = position / block_tokens;
  for (const BlockRun& run : spec.blocks) {
    if (block < run.count) {
      const std::uint64_t id = raw(block_of(run, block));
      return draw(seed, of_blocks, id, position % block_tokens, vocab);
    }
    block -= run.count;
  }
  return draw(seed, of_requests, raw(spec.id), position, vocab);
}

}  // namespace calvo::realrun
