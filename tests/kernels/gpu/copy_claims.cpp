#include <gtest/gtest.h>

#include "kernels/kv_gather.hpp"
#include "tests/kernels/gpu/claims.hpp"
#include "tests/kernels/gpu/values.hpp"

namespace calvo::kernels::gpu::testing {
namespace {

std::vector<std::byte> random_bytes(std::uint64_t seed, std::int64_t count) {
  Random random(seed, 9);
  std::vector<std::byte> bytes;
  for (std::int64_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(random.bits()));
  return bytes;
}

/// Blocks of a few KiB and of more than one thread block's share, whole or some layers of them.
struct CopyCase {
  static constexpr std::int32_t pages = 5;
  static constexpr std::int32_t blocks = 3;
  std::int64_t page_size, stride;
  PageRange range;
  std::vector<std::byte> pool, staging;
  std::vector<std::int32_t> table;

  explicit CopyCase(unsigned seed) {
    const KvLayout layout{3, seed % 2 == 0 ? 5 : 90, 1, 64};
    page_size = 2 * layout.page_values();
    range = seed % 3 == 0 ? PageRange{Bytes{0}, Bytes{page_size}}
                          : layer_range(layout, static_cast<std::int32_t>(seed % 3), 1);
    stride = range.size.count() + (seed % 4) * 16;
    pool = random_bytes(seed, pages * page_size);
    staging = random_bytes(seed + 1, blocks * stride);
    table = shuffled(seed, pages);
    table.resize(blocks);
  }

  std::int64_t page_at(std::int32_t i) const {
    return table[static_cast<std::size_t>(i)] * page_size + range.offset.count();
  }
};

void copy_moves_exactly_its_bytes(Machine& machine, unsigned seed, bool to_pages) {
  CopyCase data(seed);
  const Array<std::byte> pool(machine, data.pool), staging(machine, data.staging);
  const Array<std::int32_t> table(machine, data.table);
  const Array<std::uint64_t> sums(machine, std::vector<std::uint64_t>(CopyCase::blocks, 77));
  const bool summed = seed % 5 != 0;
  const KvCopy args{.pool = pool.data(),
                    .table = table.data(),
                    .staging = staging.data(),
                    .checksums = summed ? sums.data() : nullptr,
                    .blocks = CopyCase::blocks,
                    .page_size = Bytes{data.page_size},
                    .staging_stride = Bytes{data.stride},
                    .range = data.range};
  to_pages ? machine.scatter(args) : machine.gather(args);
  const std::vector<std::uint64_t> got_sums = sums.values();
  for (std::int32_t i = 0; i < CopyCase::blocks; ++i) {
    std::byte* page = data.pool.data() + data.page_at(i);
    std::byte* stage = data.staging.data() + i * data.stride;
    const auto sum = copy_checksum(to_pages ? stage : page, data.range.size);
    EXPECT_EQ(got_sums[static_cast<std::size_t>(i)], summed ? sum : 77);
    std::copy_n(to_pages ? stage : page, data.range.size.count(), to_pages ? page : stage);
  }
  EXPECT_EQ(pool.values(), data.pool);
  EXPECT_EQ(staging.values(), data.staging);
}

void gather_moves_exactly_its_bytes(Machine& machine, unsigned seed) {
  copy_moves_exactly_its_bytes(machine, seed, false);
}
void scatter_moves_exactly_its_bytes(Machine& machine, unsigned seed) {
  copy_moves_exactly_its_bytes(machine, seed, true);
}

void small_pieces_arrive_whole(Machine& machine, unsigned seed) {
  const std::int64_t size = 16 * (1 + static_cast<std::int64_t>(seed) * 97);
  constexpr std::int64_t count = 7;
  const std::vector<std::byte> bytes = random_bytes(seed, count * size);
  const Array<std::byte> from(machine, bytes);
  const Array<std::byte> to(machine, std::vector<std::byte>(bytes.size() + 16, std::byte{0xff}));
  std::vector<CopyPiece> pieces;
  for (const std::int32_t i : shuffled(seed, count)) {
    pieces.push_back({from.data() + i * size, to.data() + i * size});
  }
  const Array<CopyPiece> list(machine, pieces);
  machine.run(SmCopy{.pieces = list.data(),
                     .count = count,
                     .size = Bytes{size},
                     .thread_blocks = 1 + static_cast<std::int32_t>(seed % 3)});
  std::vector<std::byte> expected = bytes;
  expected.resize(bytes.size() + 16, std::byte{0xff});
  EXPECT_EQ(to.values(), expected);
}

void weights_are_the_hosts(Machine& machine, unsigned seed) {
  const WeightFill fill(seed, WeightTensor{3}, 0.02);
  const std::int64_t rows = 5 + seed % 7;
  const std::int64_t columns = 8 + 3 * (seed % 11);
  const std::int64_t gap = seed % 4;
  const bool by_row = seed % 2 == 0;
  const std::int64_t stride = (by_row ? columns : rows) + gap;
  const std::int64_t lines = by_row ? rows : columns;
  std::vector<Bf16> expected(static_cast<std::size_t>(lines * stride), nan_bf16);
  const Array<Bf16> out(machine, expected);
  machine.run(MatrixFill{.fill = fill,
                         .out = out.data(),
                         .rows = rows,
                         .columns = columns,
                         .row_stride = by_row ? stride : 1,
                         .column_stride = by_row ? 1 : stride});
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const auto at =
          static_cast<std::size_t>(by_row ? row * stride + column : column * stride + row);
      const float value = fill(static_cast<std::uint64_t>(row * columns + column));
      expected[at] = to_bf16(value);
      ASSERT_EQ(to_float(expected[at]), value);  // it was a bf16 value before
    }
  }
  EXPECT_EQ(out.values(), expected);

  const Array<float> norm(machine, std::vector<float>(300, NAN));
  machine.run(VectorFill{.fill = fill, .out = norm.data(), .count = 299, .offset = 1});
  const std::vector<float> got = norm.values();
  for (std::size_t i = 0; i < 299; ++i) ASSERT_EQ(got[i], 1 + fill(i)) << i;
  EXPECT_TRUE(std::isnan(got[299]));
}

}  // namespace

std::vector<Claim> copy_claims() {
  return {{"GatherMovesExactlyItsBytesAndSumsThem", gather_moves_exactly_its_bytes},
          {"ScatterMovesExactlyItsBytesAndSumsThem", scatter_moves_exactly_its_bytes},
          {"SmallPiecesArriveWhole", small_pieces_arrive_whole},
          {"WeightsAreTheHosts", weights_are_the_hosts}};
}

}  // namespace calvo::kernels::gpu::testing
