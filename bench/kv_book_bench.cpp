// The books in extents: a prefix of thousands of blocks costs its pieces, not its length.
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "control/kv_book.hpp"
#include "core/random.hpp"

namespace calvo::control {
namespace {

/// Loads, uses and evicts prefixes of `blocks` blocks in a book that holds 200 of them; half of the
/// prefixes were seen lately. One operation: look, pin or reserve and fill, unpin.
void cycle_prefixes(benchmark::State& state) {
  const auto blocks = static_cast<std::int32_t>(state.range(0));
  KvBook book(200LL * blocks);
  Random random(3);
  std::uint64_t newest = 0;
  std::int64_t hits = 0;
  for (auto _ : state) {
    const std::uint64_t which =
        newest > 150 && random.below(2) == 0 ? newest - 1 - random.below(150) : newest++;
    BlockRun rest{BlockId{which * static_cast<std::uint64_t>(blocks)}, blocks};
    const BlockRun whole = rest;
    while (rest.count > 0) {
      const KvBook::Piece piece = book.look(rest);
      const BlockRun part{rest.first, piece.count};
      if (piece.state == KvBook::State::resident) {
        book.pin(part);
        hits += part.count;
      } else {
        book.reserve(part, 1);
        book.fill(part);
      }
      rest = behind(rest, part.count);
    }
    book.unpin(whole);
  }
  state.counters["hit_share"] =
      static_cast<double>(hits) / (static_cast<double>(state.iterations()) * blocks);
  state.counters["extents"] = static_cast<double>(book.extents());
}
BENCHMARK(cycle_prefixes)->Arg(16)->Arg(256)->Arg(4096);

/// The leading resident blocks of a prefix, in a book of many extents.
void find_prefix(benchmark::State& state) {
  const std::int64_t prefixes = state.range(0);
  constexpr std::int32_t blocks = 256;
  KvBook book(prefixes * blocks);
  for (std::int64_t i = 0; i < prefixes; ++i) {
    const BlockRun run{BlockId{static_cast<std::uint64_t>(2 * i * blocks)}, blocks};
    book.reserve(run, 1);
    book.fill(run);
    book.unpin(run);
  }
  Random random(5);
  for (auto _ : state) {
    const std::uint64_t which = random.below(static_cast<std::uint64_t>(2 * prefixes));
    benchmark::DoNotOptimize(
        book.resident_prefix({BlockId{which * static_cast<std::uint64_t>(blocks)}, blocks}));
  }
}
BENCHMARK(find_prefix)->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace calvo::control

BENCHMARK_MAIN();
