#include "control/router.hpp"

#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include "tests/control/fake_driver.hpp"

namespace calvo::control {
namespace {

class RouterTest : public ::testing::Test {
protected:
  RequestSpec& request(std::vector<BlockRun> blocks, std::int64_t input) {
    RequestSpec& spec = specs_.emplace_back();
    spec.id = RequestId{specs_.size()};
    spec.input = Tokens{input};
    spec.output = Tokens{1};
    spec.blocks = std::move(blocks);
    spec.prompt_blocks = static_cast<std::int32_t>(input / 16);
    return spec;
  }
  std::uint32_t send(Router& router, const RequestSpec& spec) {
    Event event{};
    event.kind = EventKind::arrival;
    event.spec = &spec;
    CommandBuffer out;
    router.handle({&event, 1}, out);
    EXPECT_EQ(out.commands.size(), 1U);
    EXPECT_EQ(out.commands.front().kind, CommandKind::dispatch);
    EXPECT_EQ(out.commands.front().request, spec.id);
    return raw(out.commands.front().instance);
  }
  void finish(Router& router, const RequestSpec& spec) {
    Event event{};
    event.kind = EventKind::finished;
    event.request = spec.id;
    CommandBuffer out;
    router.handle({&event, 1}, out);
    EXPECT_TRUE(out.commands.empty());
  }
  static InstanceResources resources() {
    InstanceResources resources;
    resources.block_tokens = Tokens{16};
    resources.gpu_blocks = 20;
    resources.host_blocks = 20;
    return resources;
  }

  fake::LineCost estimates_;
  std::deque<RequestSpec> specs_;
};

TEST_F(RouterTest, RoundRobinGoesInTurn) {
  Router router("round_robin", 3, resources(), estimates_);
  std::vector<std::uint32_t> to;
  for (int i = 0; i < 5; ++i) to.push_back(send(router, request({}, 10)));
  EXPECT_EQ(to, (std::vector<std::uint32_t>{0, 1, 2, 0, 1}));
}

TEST_F(RouterTest, LeastLoadedCountsWhatHasNotEnded) {
  Router router("least_loaded", 2, resources(), estimates_);
  const RequestSpec& first = request({}, 10);
  EXPECT_EQ(send(router, first), 0U);
  EXPECT_EQ(send(router, request({}, 10)), 1U);
  finish(router, first);
  EXPECT_EQ(send(router, request({}, 10)), 0U);
  EXPECT_EQ(send(router, request({}, 10)), 0U) << "one each: ties go to the first";
  EXPECT_EQ(send(router, request({}, 10)), 1U);
}

TEST_F(RouterTest, CacheAwareGoesWhereThePrefixIsUntilTheQueueOutweighsIt) {
  Router router("cache_aware", 2, resources(), estimates_);
  const RequestSpec& first = request({{BlockId{1}, 8}}, 8 * 16 + 4);
  EXPECT_EQ(send(router, first), 0U);
  const RequestSpec& other = request({{BlockId{50}, 8}}, 8 * 16 + 4);
  EXPECT_EQ(send(router, other), 1U);
  finish(router, first);
  finish(router, other);
  EXPECT_EQ(send(router, request({{BlockId{50}, 8}}, 8 * 16 + 20)), 1U);
  EXPECT_EQ(send(router, request({{BlockId{1}, 8}}, 8 * 16 + 20)), 0U);
  // A long queue behind instance 1: the prefix is there, the wait is longer than computing it.
  for (int i = 0; i < 20; ++i) {
    const auto own = static_cast<std::uint64_t>(1000 + 10 * i);
    if (send(router, request({{BlockId{50}, 8}, {BlockId{own}, 1}}, 9 * 16 + 4)) == 0U) return;
  }
  FAIL() << "nothing ever outweighed the cached prefix";
}

TEST_F(RouterTest, HintsAreBoundedByTheMemoryOfAnInstance) {
  Router router("cache_aware", 2, resources(), estimates_);
  const RequestSpec& first = request({{BlockId{1}, 8}}, 8 * 16 + 4);
  EXPECT_EQ(send(router, first), 0U);
  finish(router, first);
  for (int i = 0; i < 10; ++i) {  // 80 blocks through memory for 40, on both instances
    for (int both = 0; both < 2; ++both) {
      const auto id = static_cast<std::uint64_t>(100 + 20 * i + 10 * both);
      const RequestSpec& filler = request({{BlockId{id}, 8}}, 8 * 16 + 4);
      send(router, filler);
    }
    for (const RequestSpec& spec : specs_) finish(router, spec);
  }
  // Both know nothing of it any more; instance 1 has less behind it.
  const RequestSpec& busy = request({{BlockId{900}, 1}}, 20);
  EXPECT_EQ(send(router, busy), 0U);
  EXPECT_EQ(send(router, request({{BlockId{1}, 8}}, 8 * 16 + 4)), 1U);
}

}  // namespace
}  // namespace calvo::control
