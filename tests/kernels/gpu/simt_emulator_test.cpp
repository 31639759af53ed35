// That the emulator shows the mistakes that it is there for.
#include "kernels/gpu/simt_emulator.hpp"

#include <numeric>

#include <gtest/gtest.h>

#include "core/contract.hpp"

namespace calvo::kernels::gpu::simt {
namespace {

/// Each thread reads what its neighbour wrote. Returns whether all read the right thing.
bool neighbours_agree(bool with_barrier, std::uint64_t seed) {
  std::vector<int> read(64, -1);
  emulate({1, 64, 64 * 4}, seed, [&] {
    auto* numbers = reinterpret_cast<int*>(shared_memory());
    const int me = thread_index();
    numbers[me] = me;
    if (with_barrier) sync_block();
    read[static_cast<std::size_t>(me)] = numbers[(me + 32) % 64];
  });
  for (int i = 0; i < 64; ++i) {
    if (read[static_cast<std::size_t>(i)] != (i + 32) % 64) return false;
  }
  return true;
}

TEST(SimtEmulator, ShowsAMissingBarrier) {
  EXPECT_TRUE(neighbours_agree(true, 1));
  EXPECT_FALSE(neighbours_agree(false, 1));
}

TEST(SimtEmulator, ThrowsWhereABarrierIsNotReachedByAll) {
  EXPECT_THROW(emulate({1, 64, 0}, 1,
                       [] {
                         if (thread_index() != 7) sync_block();
                       }),
               ContractViolation);
  EXPECT_THROW(emulate({1, 64, 0}, 1,
                       [] {
                         if (thread_index() < 31) (void)any(true);
                       }),
               ContractViolation);
  EXPECT_THROW(emulate({1, 32, 0}, 1, [] { thread_index() < 9 ? (void)any(true) : sync_warp(); }),
               ContractViolation);
}

TEST(SimtEmulator, LandsACopyWhenItIsAwaitedAndNotBefore) {
  const Word source{1, 2, 3, 4};
  Word early{}, late{}, zeros{9, 9, 9, 9};
  emulate({1, 32, 32 * 16}, 1, [&] {
    const int me = thread_index();
    auto* mine = reinterpret_cast<Word*>(shared_memory()) + me;
    copy_async(shared_address(mine), &source, true);
    commit_copies();
    if (me == 0) early = load(mine);
    wait_copies<1>();
    if (me == 0) {
      EXPECT_EQ(load(mine).x, early.x);
    }
    wait_copies<0>();
    if (me == 0) late = load(mine);
    copy_async(shared_address(mine), &source, false);
    commit_copies();
    wait_copies<0>();
    if (me == 0) zeros = load(mine);
  });
  EXPECT_EQ(early.x, 0xffffffffU);
  EXPECT_EQ(late.w, 4U);
  EXPECT_EQ(zeros.w, 0U);
}

TEST(SimtEmulator, ThrowsForACopyBeyondSharedMemory) {
  const Word source{};
  EXPECT_THROW(emulate({1, 32, 16}, 1, [&] { copy_async(16, &source, true); }), ContractViolation);
  EXPECT_THROW(emulate({1, 32, 64}, 1, [&] { copy_async(8, &source, true); }), ContractViolation);
}

TEST(SimtEmulator, RunsEachThreadOfEachBlockOnce) {
  std::vector<int> runs(3 * 96);
  emulate({3, 96, 0}, 5, [&] {
    ++runs[static_cast<std::size_t>(block_index() * thread_count() + thread_index())];
    EXPECT_EQ(shuffle(thread_index(), 5), thread_index() / 32 * 32 + 5);
    EXPECT_EQ(shuffle_xor(thread_index(), 3), thread_index() ^ 3);
    EXPECT_EQ(any(thread_index() == 40), thread_index() / 32 == 1);
  });
  EXPECT_EQ(runs, std::vector<int>(runs.size(), 1));
}

}  // namespace
}  // namespace calvo::kernels::gpu::simt
