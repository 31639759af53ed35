#include "realrun/engine/ring.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

class Sleepers : public ::testing::TestWithParam<Doorbell::Sleeper> {};

TEST_P(Sleepers, MissNoBellAndKeepTheOrderOfEachWriter) {
  constexpr int writers = 4, each = 5000;
  Doorbell bell{GetParam()};
  Ring<std::pair<int, int>> ring(64, bell);  // small: writers have to wait
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&ring, writer] {
      for (int i = 0; i < each; ++i) ring.push({writer, i});
    });
  }
  std::vector<int> next(writers, 0);
  std::vector<std::pair<int, int>> batch;
  for (int read = 0; read < writers * each;) {
    batch.clear();
    ring.drain(batch);
    for (const auto& [writer, i] : batch) {
      ASSERT_EQ(i, next[static_cast<std::size_t>(writer)]++);
      ++read;
    }
    if (!batch.empty()) continue;
    bell.arm();
    if (ring.empty()) bell.sleep(Nanoseconds::max());  // for good: a bell that was missed hangs
    bell.disarm();
  }
}

TEST_P(Sleepers, WakeWhenTheirTimeIsOver) {
  Doorbell bell{GetParam()};
  bell.arm();
  bell.sleep(Nanoseconds{1'000'000});
  bell.arm();
  bell.sleep(Nanoseconds{-1});
}

INSTANTIATE_TEST_SUITE_P(Ways, Sleepers,
                         ::testing::Values(Doorbell::Sleeper::alone, Doorbell::Sleeper::with_files),
                         [](const auto& param) {
                           return param.param == Doorbell::Sleeper::alone ? "Alone" : "WithFiles";
                         });

TEST(Ring, RefusesWhatItHasNoRoomFor) {
  Doorbell bell{Doorbell::Sleeper::alone};
  Ring<int> ring(2, bell);
  int item = 7;
  EXPECT_TRUE(ring.try_push(item));
  EXPECT_TRUE(ring.try_push(item));
  EXPECT_FALSE(ring.try_push(item));
  EXPECT_EQ(item, 7);
}

TEST(Ring, LetsWritersGoWhenItIsClosed) {
  Doorbell bell{Doorbell::Sleeper::alone};
  Ring<int> ring(1, bell);
  ring.push(1);
  std::jthread writer([&] { ring.push(2); });
  ring.close();
  writer.join();
  EXPECT_TRUE(ring.empty());
  ring.push(3);
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace calvo::realrun
