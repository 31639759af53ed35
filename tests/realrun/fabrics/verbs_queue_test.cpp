#include "realrun/fabrics/verbs_queue.hpp"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::realrun::verbs {
namespace {

/// Where reads of a test land; nothing is ever written there.
std::span<std::byte> somewhere(std::size_t bytes) {
  static std::vector<std::byte> memory(1 << 20);
  return std::span(memory).first(bytes);
}

std::vector<std::uint64_t> cookies(std::span<const ReadDone> done, ReadStatus status) {
  std::vector<std::uint64_t> found;
  for (const ReadDone& one : done) {
    if (one.status == status) found.push_back(one.cookie);
  }
  return found;
}

TEST(VerbsQueue, CutsAReadIntoSlicesAndSignalsTheLast) {
  ReadQueue queue({.reads = 4, .slices = 16, .slice = 100, .pool = 1'000});
  const std::array reads = {Read{50, somewhere(250), 7}};
  ASSERT_EQ(queue.accept(reads), 1U);
  const auto chain = queue.next_chain();
  ASSERT_EQ(chain.size(), 3U);
  EXPECT_EQ(chain[0].offset, 50U);
  EXPECT_EQ(chain[2].offset, 250U);
  EXPECT_EQ(chain[2].into.data(), somewhere(250).data() + 200);
  EXPECT_EQ(chain[2].into.size(), 50U);
  EXPECT_FALSE(chain[0].signalled || chain[1].signalled);
  EXPECT_TRUE(chain[2].signalled);
}

TEST(VerbsQueue, SignalsOneOfAChainOfBlocks) {
  ReadQueue queue({.reads = 64, .slices = 64, .slice = 100, .pool = 1'000});
  std::vector<Read> reads;
  for (std::uint64_t i = 0; i < 20; ++i) reads.push_back({i, somewhere(100), i, i == 19});
  ASSERT_EQ(queue.accept(reads), 20U);
  const auto chain = queue.next_chain();
  ASSERT_EQ(chain.size(), 20U);
  for (std::size_t i = 0; i < 19; ++i) EXPECT_FALSE(chain[i].signalled);
  EXPECT_TRUE(chain[19].signalled);
}

TEST(VerbsQueue, StopsBeforeAReadOutsideThePool) {
  ReadQueue queue({.reads = 4, .slices = 16, .slice = 100, .pool = 1'000});
  const std::array reads = {Read{0, somewhere(10), 1, false}, Read{999, somewhere(2), 2},
                            Read{0, somewhere(10), 3}};
  ASSERT_EQ(queue.accept(reads), 3U);
  ASSERT_EQ(queue.next_chain().size(), 1U);
  EXPECT_FALSE(queue.at_wrong_read());
  transport::Completions done;
  queue.landed(0, done);
  EXPECT_TRUE(queue.at_wrong_read());
  EXPECT_TRUE(queue.next_chain().empty());
  queue.give_back(ReadStatus::refused, done);
  EXPECT_THAT(cookies(done.waiting(), ReadStatus::refused), testing::ElementsAre(2));
  EXPECT_THAT(cookies(done.waiting(), ReadStatus::flushed), testing::ElementsAre(3));
}

// Property: against a NIC that completes in order and reports what is signalled or fails, every
// byte is asked for once, no more slices are out than the queue is deep, completions come in order,
// and as long as reads wait something signalled is out: the queue cannot stall.
class VerbsQueueProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(VerbsQueueProperty, GivesEachReadBackOnceInOrder) {
  Random random(GetParam());
  const QueueLimits limits{.reads = 1 + random.below(40),
                           .slices = 1 + random.below(32),
                           .slice = 1 + random.below(5'000),
                           .pool = 1 << 20};
  ReadQueue queue(limits);
  std::vector<Read> reads;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::size_t bytes = 1 + random.below(3 * limits.slice);
    reads.push_back({random.below(limits.pool - bytes), somewhere(bytes), i, random.below(3) == 0});
  }
  reads.back().signalled = true;
  const std::uint64_t fails_at = random.below(2) == 0 ? random.below(400) : ~std::uint64_t{0};

  std::size_t accepted = 0;
  std::deque<Slice> nic;
  std::vector<std::uint64_t> asked(reads.size());  // bytes
  std::size_t asking = 0;
  transport::Completions done;
  bool failed = false;
  while (!failed && (accepted < reads.size() || !queue.idle())) {
    const std::size_t wanted = std::min<std::size_t>(reads.size() - accepted, random.below(9));
    accepted += queue.accept(std::span(reads).subspan(accepted, wanted));
    for (const Slice& slice : queue.next_chain()) {
      nic.push_back(slice);
      ASSERT_EQ(slice.offset, reads[asking].offset + asked[asking]);
      ASSERT_LE(slice.into.size(), limits.slice);
      asked[asking] += slice.into.size();
      if (asked[asking] == reads[asking].into.size()) ++asking;
    }
    ASSERT_LE(nic.size(), limits.slices);
    const auto is_signalled = [](const Slice& slice) { return slice.signalled; };
    ASSERT_TRUE(queue.idle() || std::ranges::any_of(nic, is_signalled)) << "stalled";
    for (std::uint64_t steps = random.below(2 * limits.slices); steps > 0 && !nic.empty();
         --steps) {
      const Slice slice = nic.front();
      nic.pop_front();
      if (slice.number == fails_at) {
        queue.landed_before(slice.number, done);
        queue.give_back(ReadStatus::peer_gone, done);
        failed = true;
        break;
      }
      if (slice.signalled) queue.landed(slice.number, done);
    }
  }

  // What came back: signalled ones that landed, then all from the failed one on.
  std::size_t next = 0;
  for (const ReadDone& one : done.waiting()) {
    if (one.status == ReadStatus::ok) {
      while (next < one.cookie) ASSERT_FALSE(reads[next++].signalled);
      ASSERT_TRUE(reads[next].signalled);
    } else if (one.status == ReadStatus::peer_gone) {
      while (next < one.cookie) ASSERT_FALSE(reads[next++].signalled);
    } else {
      ASSERT_EQ(one.status, ReadStatus::flushed);
    }
    ASSERT_EQ(one.cookie, next++);
  }
  EXPECT_EQ(next, failed ? accepted : reads.size());
  EXPECT_EQ(cookies(done.waiting(), ReadStatus::peer_gone).size(), failed ? 1U : 0U);
  EXPECT_TRUE(queue.idle());
}

INSTANTIATE_TEST_SUITE_P(Seeds, VerbsQueueProperty, testing::Range<std::uint64_t>(1, 51));

}  // namespace
}  // namespace calvo::realrun::verbs
