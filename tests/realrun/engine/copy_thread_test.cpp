// The copy stage over an engine whose copies end when the test says so.
#include "realrun/engine/copy_thread.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace calvo::realrun {
namespace {

/// Ends copies one by one, in order.
class SlowEngine final : public CopyEngine {
public:
  void post(CopyJob job) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(job));
  }
  void poll(std::vector<std::uint64_t>& done) override {
    const std::lock_guard lock(mutex_);
    for (; told_ < allowed_ && told_ < posted_.size(); ++told_) {
      done.push_back(posted_[told_].cookie);
    }
  }
  int wait_fd() override { return -1; }
  std::size_t outstanding() const override {
    const std::lock_guard lock(mutex_);
    return posted_.size() - told_;
  }

  void allow(std::size_t copies) {
    const std::lock_guard lock(mutex_);
    allowed_ += copies;
  }
  std::vector<CopyJob> posted() const {
    const std::lock_guard lock(mutex_);
    return posted_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<CopyJob> posted_;
  std::size_t told_ = 0;
  std::size_t allowed_ = 0;
};

constexpr std::size_t everything = 1'000'000;

class CopyStage : public ::testing::Test {
protected:
  CopyStage() : notices_(1024, bell_), memory_(64 * stride) {
    CopySettings settings;
    settings.format = format;
    settings.layers = 4;
    settings.window = Bytes{1 << 30};
    stage_ = std::make_unique<CopyThread>(settings, engine_, clock_, notices_, gate_);
    stage_->start();
  }
  ~CopyStage() override {
    engine_.allow(everything);
    stage_->orders().push(StopOrder{});
    stage_->join();
  }

  CopyOrder order(std::uint64_t run, CopyDirection direction, std::int32_t blocks) {
    CopyOrder order;
    order.run = RunId{run};
    order.direction = direction;
    for (std::int32_t i = 0; i < blocks; ++i) {
      order.blocks.push_back(
          {i, {BlockId{static_cast<std::uint64_t>(i)}, memory_.data() + i * stride, 1}});
    }
    order.progress = std::make_shared<CopyProgress>();
    return order;
  }

  /// The next thing that the stage tells; fails after a minute.
  control::Event next() {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (told_.empty() && std::chrono::steady_clock::now() < limit) {
      notices_.drain(told_);
      if (told_.empty()) std::this_thread::sleep_for(std::chrono::microseconds{100});
    }
    if (told_.empty()) {
      ADD_FAILURE() << "nothing came";
      return {};
    }
    const control::Event event = told_.front().event;
    told_.erase(told_.begin());
    return event;
  }
  bool quiet() {
    notices_.drain(told_);
    return told_.empty();
  }
  template <class Condition>
  bool eventually(Condition holds) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!holds() && std::chrono::steady_clock::now() < limit) {
      std::this_thread::sleep_for(std::chrono::microseconds{100});
    }
    return holds();
  }

  static constexpr std::int64_t payload = 256 << 10;  // one job a block
  static constexpr std::int64_t stride = payload + 64;
  static inline const BlockFormat format{payload};

  WallClock clock_;
  Doorbell bell_{Doorbell::Sleeper::alone};
  NoticeRing notices_;
  StepGate gate_;
  std::vector<std::byte> memory_;
  SlowEngine engine_;
  std::vector<Notice> told_;
  std::unique_ptr<CopyThread> stage_;
};

TEST_F(CopyStage, PostsAFewBlocksAheadAndNoMore) {
  stage_->orders().push(order(1, CopyDirection::in, 40));
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 8; }));  // 2 MiB
  engine_.allow(1);
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 9; }));
  engine_.allow(everything);
  const control::Event done = next();
  EXPECT_EQ(done.kind, control::EventKind::copy_done);
  EXPECT_EQ(done.blocks, 40);
  EXPECT_EQ(done.status, control::TransferStatus::ok);
  const std::vector<CopyJob> posted = engine_.posted();
  ASSERT_EQ(posted.size(), 40U);
  for (std::int32_t i = 0; i < 40; ++i) {
    EXPECT_EQ(posted[static_cast<std::size_t>(i)].blocks.front().page, i);
  }
}

TEST_F(CopyStage, ServesRunsInTurn) {
  stage_->orders().push(order(1, CopyDirection::in, 30));
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 8; }));
  stage_->orders().push(order(2, CopyDirection::in, 2));
  engine_.allow(everything);
  EXPECT_EQ(next().run, RunId{2});  // does not wait for the 22 blocks that were not yet posted
  EXPECT_EQ(next().run, RunId{1});
}

TEST_F(CopyStage, FollowsAFetchBlockByBlockAndEndsAfterIt) {
  engine_.allow(everything);
  CopyOrder behind = order(1, CopyDirection::in, 4);
  behind.behind = std::make_shared<FetchProgress>();
  behind.offset = 2;  // the fetch brings two blocks before them
  const std::shared_ptr<FetchProgress> fetch = behind.behind;
  stage_->orders().push(behind);
  fetch->landed = 3;
  stage_->bell().ring();
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 1; }));
  fetch->landed = 6;
  stage_->bell().ring();
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 4; }));
  EXPECT_TRUE(quiet());  // the control plane has to hear of the fetch's end first
  fetch->over = true;
  stage_->bell().ring();
  const control::Event done = next();
  EXPECT_EQ(done.blocks, 4);
  EXPECT_EQ(done.status, control::TransferStatus::ok);
}

TEST_F(CopyStage, EndsWithWhatItsFetchHasBrought) {
  engine_.allow(everything);
  CopyOrder behind = order(1, CopyDirection::in, 4);
  behind.behind = std::make_shared<FetchProgress>();
  const std::shared_ptr<FetchProgress> fetch = behind.behind;
  stage_->orders().push(behind);
  fetch->landed = 1;
  fetch->over = true;
  stage_->bell().ring();
  EXPECT_EQ(next().blocks, 1);
}

TEST_F(CopyStage, ACutBeforeTheFirstBlockEndsAtOnce) {
  CopyOrder behind = order(1, CopyDirection::in, 4);
  behind.behind = std::make_shared<FetchProgress>();
  stage_->orders().push(behind);
  stage_->orders().push(CutOrder{RunId{1}});
  const control::Event done = next();
  EXPECT_EQ(done.blocks, 0);
  EXPECT_EQ(done.status, control::TransferStatus::cut);
}

TEST_F(CopyStage, ACutLetsWhatIsPostedEnd) {
  stage_->orders().push(order(1, CopyDirection::in, 40));
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 8; }));
  stage_->orders().push(CutOrder{RunId{1}});
  stage_->orders().push(order(2, CopyDirection::out, 1));  // seen behind the cut
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 9; }));
  engine_.allow(everything);
  control::Event done = next();
  if (done.run == RunId{2}) done = next();
  EXPECT_EQ(done.blocks, 8);
  EXPECT_EQ(done.status, control::TransferStatus::cut);
}

TEST_F(CopyStage, GoesLayerByLayerOverAllBlocksAndSaysSo) {
  CopyOrder layered = order(1, CopyDirection::in, 3);
  layered.layer_major = true;
  const std::shared_ptr<CopyProgress> progress = layered.progress;
  stage_->orders().push(layered);
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 3; }));
  EXPECT_EQ(progress->layers.load(), 0);
  engine_.allow(3);
  const std::vector<std::shared_ptr<CopyProgress>> gates = {progress};
  gate_.wait(0, gates);
  engine_.allow(everything);
  gate_.wait(3, gates);
  EXPECT_EQ(next().blocks, 3);
  const std::vector<CopyJob> posted = engine_.posted();
  ASSERT_EQ(posted.size(), 12U);
  for (std::size_t i = 0; i < posted.size(); ++i) {
    EXPECT_EQ(posted[i].first_layer, static_cast<std::int32_t>(i / 3));
    EXPECT_EQ(posted[i].layers, 1);
  }
}

TEST_F(CopyStage, IsNotBusyWhileItWaitsForBlocksToLand) {
  CopyOrder following = order(1, CopyDirection::in, 2);
  following.behind = std::make_shared<FetchProgress>();
  const Instant begin = clock_.now();
  following.behind->landed.store(1);
  stage_->orders().push(following);
  ASSERT_TRUE(eventually([&] { return engine_.posted().size() == 1; }));
  engine_.allow(2);
  stage_->orders().push(order(2, CopyDirection::out, 1));
  EXPECT_EQ(next().run, RunId{2});  // so that it has seen the first copy's end
  const Instant idle = clock_.now();
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  const Nanoseconds waited = clock_.now() - idle;
  engine_.allow(everything);
  following.behind->landed.store(2);
  following.behind->over.store(true);
  stage_->bell().ring();
  EXPECT_EQ(next().blocks, 2);
  const Nanoseconds all = clock_.now() - begin;
  stage_->orders().push(StopOrder{});
  stage_->join();
  EXPECT_GT(stage_->report().in, Nanoseconds{0});
  EXPECT_LE(stage_->report().in, all - waited);
}

TEST_F(CopyStage, SealsWhatItCopiesOut) {
  engine_.allow(everything);
  stage_->orders().push(order(1, CopyDirection::out, 2));
  const control::Event done = next();
  EXPECT_EQ(done.kind, control::EventKind::store_done);
  EXPECT_EQ(done.blocks, 2);
  for (std::int64_t i = 0; i < 2; ++i) {
    const std::span<const std::byte> slot(memory_.data() + i * stride,
                                          static_cast<std::size_t>(format.used()));
    EXPECT_EQ(check_block(format, slot, BlockId{static_cast<std::uint64_t>(i)}, 0), BlockCheck::ok);
    EXPECT_EQ(check_block(format, slot, BlockId{9}, 0), BlockCheck::other_block);
  }
}

}  // namespace
}  // namespace calvo::realrun
