#include "core/suggest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calvo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> engines = {"calvo", "calvo_fifo", "calvo_sjf", "vllm_sync",
                                          "vllm_async_2025"};

TEST(Suggest, FindsTheNearestName) {
  EXPECT_THAT(nearest_names("vlm_sync", engines), ElementsAre("vllm_sync"));
  EXPECT_THAT(nearest_names("cavlo", engines), ElementsAre("calvo"));
  EXPECT_THAT(nearest_names("CALVO_FIFO", engines), ElementsAre("calvo_fifo"));
}

TEST(Suggest, TakesTheBeginningOfAName) {
  EXPECT_THAT(nearest_names("vllm", engines), ElementsAre("vllm_sync"));
}

TEST(Suggest, FindsNothingWhereNothingIsNear) {
  EXPECT_THAT(nearest_names("orca", engines), IsEmpty());
  EXPECT_THAT(nearest_names("x", engines), IsEmpty());
}

TEST(Suggest, WritesARemedy) {
  EXPECT_EQ(suggestion("cavlo", engines), " (did you mean \"calvo\"?)");
  EXPECT_EQ(suggestion("calvo_sif", engines), " (did you mean \"calvo_sjf\" or \"calvo_fifo\"?)");
  EXPECT_EQ(suggestion("orca", engines),
            " (one of: calvo, calvo_fifo, calvo_sjf, vllm_sync, vllm_async_2025)");
  EXPECT_EQ(suggestion("orca", std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace calvo
