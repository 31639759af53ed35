// Attention: decode against the bandwidth of reading (target 80 %, then 90 %), prefill against the
// rate of the largest product (target 300 TFLOP/s, then 450). Shape: 32 query heads, 8 KV heads.
// G_per_s is GB/s for decode, GFLOP/s for prefill.
#include <cmath>
#include <numeric>

#include "bench/gpu/measure.hpp"
#include "bench/gpu/products.hpp"
#include "core/random.hpp"
#include "kernels/gpu/attention.hpp"

namespace calvo::bench {
namespace {

using namespace kernels::gpu;
using kernels::Bf16;

constexpr std::int32_t q_heads = 32;
constexpr std::int32_t kv_heads = 8;
constexpr std::int32_t block_tokens = 16;

std::int32_t multiprocessors() {
  int count = 0;
  cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0);
  return count;
}

/// `batch` sequences of `rows` new tokens after `context`, in shuffled pages of one layer. For each
/// rotation other pages.
struct Sequences {
  kernels::KvLayout layout;
  std::int32_t pages_each;
  int rotations;
  DeviceMemory pool, q, out;
  std::vector<SequenceRows> rows;
  DeviceArray<std::int32_t> row_begin, row_sequence, first, page_begin, pages;
  std::int32_t all_rows;

  Sequences(std::int32_t dim, std::int32_t batch, std::int32_t new_rows, std::int32_t context)
      : layout{1, block_tokens, kv_heads, dim},
        pages_each((context + new_rows + block_tokens - 1) / block_tokens),
        rotations(rotation(2 * layout.page_values() * batch * pages_each)),
        pool(2 * layout.page_values() * batch * pages_each * rotations),
        q(std::int64_t{2} * batch * new_rows * q_heads * dim),
        out(std::int64_t{2} * batch * new_rows * q_heads * dim),
        rows(static_cast<std::size_t>(batch), {new_rows, context}),
        row_begin(steps(batch + 1, new_rows, 1)),
        row_sequence(steps(batch * new_rows, 1, new_rows)),
        first(std::vector<std::int32_t>(static_cast<std::size_t>(batch), context)),
        page_begin(steps(batch, pages_each, 1)),
        pages(shuffled(batch * pages_each * rotations)),
        all_rows(batch * new_rows) {}

  /// i / each * step
  static std::vector<std::int32_t> steps(std::int32_t count, std::int32_t step, std::int32_t each) {
    std::vector<std::int32_t> result;
    for (std::int32_t i = 0; i < count; ++i) result.push_back(i / each * step);
    return result;
  }
  static std::vector<std::int32_t> shuffled(std::int32_t count) {
    std::vector<std::int32_t> result(static_cast<std::size_t>(count));
    std::iota(result.begin(), result.end(), 0);
    Random random(1);
    for (std::size_t i = result.size(); i > 1; --i) {
      std::swap(result[i - 1], result[random.below(i)]);
    }
    return result;
  }

  RaggedBatch batch(int i) const {
    const auto count = static_cast<std::int32_t>(rows.size());
    return {count,
            all_rows,
            row_begin.data(),
            row_sequence.data(),
            first.data(),
            page_begin.data(),
            pages.data() + i * count * pages_each};
  }
  PagedLayer layer() const { return {pool.as<Bf16>(), layout, 0}; }
};

void decode(benchmark::State& state) {
  const auto dim = static_cast<std::int32_t>(state.range(0));
  const auto count = static_cast<std::int32_t>(state.range(1));
  const auto context = static_cast<std::int32_t>(state.range(2)) - 1;
  const Sequences data(dim, count, 1, context);
  const std::vector<std::int32_t> keys(static_cast<std::size_t>(count), context + 1);
  const DecodePlan plan = decode_plan(keys, q_heads, kv_heads, dim, multiprocessors());
  const DeviceMemory workspace(plan.workspace_bytes);
  const std::int64_t stride = std::int64_t{q_heads} * dim;
  report(
      state,
      [&](int i, cudaStream_t stream) {
        decode_attention({.q = data.q.as<Bf16>(),
                          .q_stride = stride,
                          .out = data.out.as<Bf16>(),
                          .out_stride = stride,
                          .batch = data.batch(i),
                          .count = count,
                          .plan = plan,
                          .workspace = workspace.as<float>(),
                          .q_heads = q_heads,
                          .scale = 1 / std::sqrt(static_cast<float>(dim)),
                          .kv = data.layer()},
                         stream);
      },
      data.rotations, 4.0 * count * (context + 1) * kv_heads * dim, read_bandwidth(), 0.8);
  state.counters["splits"] = plan.splits;
}
BENCHMARK(decode)
    ->ArgNames({"dim", "batch", "context"})
    ->Args({128, 1, 32768})
    ->Args({128, 16, 8192})
    ->Args({128, 64, 4096})
    ->Args({128, 256, 1024})
    ->Args({64, 64, 4096})
    ->UseManualTime()
    ->Iterations(1);

void prefill(benchmark::State& state) {
  const auto dim = static_cast<std::int32_t>(state.range(0));
  const auto count = static_cast<std::int32_t>(state.range(1));
  const auto rows = static_cast<std::int32_t>(state.range(2));
  const auto context = static_cast<std::int32_t>(state.range(3));
  const Sequences data(dim, count, rows, context);
  const std::vector<PrefillTile> tiles = prefill_tiles(data.rows, q_heads / kv_heads);
  const DeviceArray<PrefillTile> list(tiles);
  const std::int64_t stride = std::int64_t{q_heads} * dim;
  const double pairs = static_cast<double>(rows) * (context + (rows + 1) / 2.0);
  report(
      state,
      [&](int i, cudaStream_t stream) {
        prefill_attention({.q = data.q.as<Bf16>(),
                           .q_stride = stride,
                           .out = data.out.as<Bf16>(),
                           .out_stride = stride,
                           .batch = data.batch(i),
                           .tiles = list.data(),
                           .tile_count = static_cast<std::int32_t>(tiles.size()),
                           .q_heads = q_heads,
                           .scale = 1 / std::sqrt(static_cast<float>(dim)),
                           .kv = data.layer()},
                          stream);
      },
      data.rotations, 4.0 * count * pairs * q_heads * dim, product_rate(),
      300e12 / product_rate().rate);
}
BENCHMARK(prefill)
    ->ArgNames({"dim", "batch", "new", "context"})
    ->Args({128, 1, 1024, 32768})
    ->Args({128, 1, 8192, 0})
    ->Args({128, 4, 2048, 8192})
    ->Args({128, 16, 64, 8192})
    ->Args({64, 4, 2048, 8192})
    ->UseManualTime()
    ->Iterations(1);

}  // namespace
}  // namespace calvo::bench
