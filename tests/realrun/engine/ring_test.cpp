#include "realrun/engine/ring.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

TEST(Ring, KeepsTheOrderOfEachWriterAndLosesNothing) {
  constexpr int writers = 4, each = 5000;
  Doorbell bell;
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

TEST(Ring, RefusesWhatItHasNoRoomFor) {
  Doorbell bell;
  Ring<int> ring(2, bell);
  int item = 7;
  EXPECT_TRUE(ring.try_push(item));
  EXPECT_TRUE(ring.try_push(item));
  EXPECT_FALSE(ring.try_push(item));
  EXPECT_EQ(item, 7);
}

TEST(Ring, LetsWritersGoWhenItIsClosed) {
  Doorbell bell;
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
