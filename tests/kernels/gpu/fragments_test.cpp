#include "kernels/gpu/fragments.hpp"

#include <set>

#include <gtest/gtest.h>

#include "kernels/gpu/simt.hpp"
#include "tests/kernels/gpu/values.hpp"

namespace calvo::kernels::gpu {
namespace {

using testing::random_bf16;

TEST(Swizzle, GivesEachChunkOfATileAPlaceOfItsOwn) {
  for (const int chunks : {8, 16}) {
    std::set<int> places;
    for (int row = 0; row < 64; ++row) {
      for (int chunk = 0; chunk < chunks; ++chunk) {
        const int place = swizzled(row, chunk, chunks);
        EXPECT_EQ(place % 16, 0);
        EXPECT_EQ(place / (16 * chunks), row);
        places.insert(place);
      }
    }
    EXPECT_EQ(places.size(), 64U * static_cast<unsigned>(chunks));
    EXPECT_EQ(*places.rbegin(), 64 * chunks * 16 - 16);
  }
}

/// Shared memory serves 128 bytes at a time: 8 lanes' chunks if all are in different 16-byte banks.
TEST(Swizzle, KeepsTheRowsOfAMatrixInDifferentBanks) {
  for (const int chunks : {8, 16}) {
    for (const auto place : {left_operand_place, keys_operand_place, values_operand_place}) {
      for (int matrix = 0; matrix < 4; ++matrix) {
        for (int first = 0; first < chunks; first += 2) {
          std::set<int> banks;
          for (int lane = matrix * 8; lane < matrix * 8 + 8; ++lane) {
            const ChunkPlace at = place(lane);
            banks.insert(swizzled(at.row, first + at.chunk, chunks) / 16 % 8);
          }
          EXPECT_EQ(banks.size(), 8U);
        }
      }
    }
  }
}

TEST(Sums, OfAWarpCoverTheirMatrixOnce) {
  std::set<std::pair<int, int>> places;
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) places.insert({sum_row(lane, i), sum_column(lane, i)});
  }
  EXPECT_EQ(places.size(), 16U * 8U);
  EXPECT_EQ(*places.rbegin(), std::pair(15, 7));
}

/// [16][16] times the transpose of [16][16], or itself, by one warp, from and to plain matrices.
std::vector<float> product(const std::vector<Bf16>& left, const std::vector<Bf16>& right,
                           bool transpose) {
  constexpr int chunks = 8;  // of which two are used
  std::vector<float> result(256, NAN);
  simt::emulate({1, 32, 2 * 16 * chunks * 16}, 1, [&] {
    const int lane = simt::thread_index();
    std::byte* shared = simt::shared_memory();
    for (int i = lane; i < 32; i += 32) {
      for (int side = 0; side < 2; ++side) {
        std::memcpy(shared + side * 16 * chunks * 16 + swizzled(i / 2, i % 2, chunks),
                    (side == 0 ? left : right).data() + i * 8, 16);
      }
    }
    simt::sync_warp();
    const simt::SharedAddress base = simt::shared_address(shared);
    const auto load = [&](std::uint32_t(&to)[4], int side, ChunkPlace at, bool transposed) {
      const simt::SharedAddress from =
          base + static_cast<simt::SharedAddress>(side * 16 * chunks * 16 +
                                                  swizzled(at.row, at.chunk, chunks));
      transposed ? simt::load_matrices_transposed(to, from) : simt::load_matrices(to, from);
    };
    std::uint32_t a[4];
    std::uint32_t b[4];
    load(a, 0, left_operand_place(lane), false);
    load(b, 1, transpose ? keys_operand_place(lane) : values_operand_place(lane), !transpose);
    for (int n = 0; n < 2; ++n) {
      float sums[4] = {};
      simt::multiply_add(sums, a, b[2 * n], b[2 * n + 1]);
      for (int i = 0; i < 4; ++i) {
        result[static_cast<std::size_t>(sum_row(lane, i) * 16 + n * 8 + sum_column(lane, i))] =
            sums[i];
      }
    }
  });
  return result;
}

TEST(Operands, MultiplyLikeADoubleLoop) {
  const std::vector<Bf16> left = random_bf16(1, 256);
  const std::vector<Bf16> right = random_bf16(2, 256);
  for (const bool transpose : {true, false}) {
    const std::vector<float> got = product(left, right, transpose);
    for (std::size_t row = 0; row < 16; ++row) {
      for (std::size_t column = 0; column < 16; ++column) {
        float sum = 0;
        for (std::size_t k = 0; k < 16; ++k) {
          sum += to_float(left[row * 16 + k]) *
                 to_float(right[transpose ? column * 16 + k : k * 16 + column]);
        }
        EXPECT_NEAR(got[row * 16 + column], sum, 1e-4) << row << ' ' << column;
      }
    }
  }
}

}  // namespace
}  // namespace calvo::kernels::gpu
