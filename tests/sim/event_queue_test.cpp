#include "sim/event_queue.hpp"

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace calvo::sim {
namespace {

TEST(EventQueue, EqualDatesComeOutInOrderOfSequence) {
  EventQueue queue;
  const Instant date{Nanoseconds{5}};
  for (std::uint64_t i = 0; i < 100; ++i) queue.push(date, i, {.id = i});
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(queue.pop().event.id, i);
  EXPECT_EQ(queue.next_date(), never);
}

class EventQueueProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(EventQueueProperty, PopsByDateThenSequence) {
  Random random(GetParam());
  EventQueue queue;
  std::vector<std::pair<Instant, std::uint64_t>> model;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    if (!model.empty() && random.below(3) == 0) {
      const auto first = std::min_element(model.begin(), model.end());
      ASSERT_EQ(queue.next_date(), first->first);
      const EventQueue::Entry popped = queue.pop();
      ASSERT_EQ(std::pair(popped.date, popped.sequence), *first);
      ASSERT_EQ(popped.event.id, first->second);
      model.erase(first);
    } else {
      const Instant date{Nanoseconds{static_cast<std::int64_t>(random.below(50))}};
      queue.push(date, i, {.id = i});
      model.emplace_back(date, i);
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, EventQueueProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::sim
