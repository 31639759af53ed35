#include "realrun/engine/worker.hpp"

#include <cstdint>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace calvo::realrun {
namespace {

/// sched_getattr(2) of the calling thread, as raw as it comes.
struct Attributes {
  std::uint32_t size = 48, policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

bool look(Attributes& attributes) {
  return syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) == 0;
}

TEST(ThreadPlace, GivesAPromptThreadAShortSliceAndTheOldOneBack) {
  Attributes before, inside, after;
  bool seen = false;
  std::thread thread([&] {
    seen = look(before);
    {
      const ThreadPlace place("prompt", std::nullopt, Turns::prompt);
      seen = seen && look(inside);
    }
    seen = seen && look(after);
  });
  thread.join();
  if (!seen) GTEST_SKIP() << "this system does not tell how threads are scheduled";
  if (before.policy != SCHED_OTHER) GTEST_SKIP() << "these threads have another policy";
  EXPECT_EQ(inside.policy, before.policy);
  EXPECT_EQ(inside.nice, before.nice);
  EXPECT_EQ(after.runtime, before.runtime);
  if (before.runtime == 0) GTEST_SKIP() << "this kernel gives no slices of one's own";
  EXPECT_EQ(inside.runtime, 100'000U);
}

TEST(ThreadPlace, LeavesTheSliceOfOtherThreadsAlone) {
  Attributes before, inside;
  bool seen = false;
  std::thread thread([&] {
    seen = look(before);
    const ThreadPlace place("usual", std::nullopt);
    seen = seen && look(inside);
  });
  thread.join();
  if (!seen) GTEST_SKIP() << "this system does not tell how threads are scheduled";
  EXPECT_EQ(inside.runtime, before.runtime);
}

TEST(ThreadPlace, PinsNamesAndUndoesBoth) {
  cpu_set_t before, inside, after;
  char name[16] = {};
  char name_after[16] = {};
  std::thread thread([&] {
    pthread_setname_np(pthread_self(), "plain");
    sched_getaffinity(0, sizeof before, &before);
    int first = 0;
    while (CPU_ISSET(static_cast<std::size_t>(first), &before) == 0) ++first;
    {
      const ThreadPlace place("placed", first);
      sched_getaffinity(0, sizeof inside, &inside);
      pthread_getname_np(pthread_self(), name, sizeof name);
    }
    sched_getaffinity(0, sizeof after, &after);
    pthread_getname_np(pthread_self(), name_after, sizeof name_after);
  });
  thread.join();
  EXPECT_EQ(CPU_COUNT(&inside), 1);
  EXPECT_STREQ(name, "placed");
  EXPECT_NE(CPU_EQUAL(&before, &after), 0);
  EXPECT_STREQ(name_after, "plain");
}

}  // namespace
}  // namespace calvo::realrun
