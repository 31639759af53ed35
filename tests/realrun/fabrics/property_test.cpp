// Property: whatever is read, however it is interrupted, each read ends once, as its fabric's
// contract says, and no byte lies where it should not.
#include <algorithm>
#include <deque>
#include <map>
#include <ranges>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "harness.hpp"

namespace calvo::realrun {
namespace {

constexpr int seeds = 8;
constexpr int steps = 60;
constexpr std::byte given_back{0x77};

struct Posted {
  Read read;
  std::uint64_t seed = 1;  ///< of the pool
};

/// What one peer still owes, in the order of posting.
struct Owed {
  PeerId id{};
  std::size_t node = 0;
  std::deque<Posted> reads;
  bool failed = false;
};

class FabricProperty : public testing::TestWithParam<std::tuple<std::string, int>> {
protected:
  void SetUp() override {
    for (std::uint64_t node = 0; node < 2; ++node) {
      nodes_.push_back(std::make_unique<Node>(NodePlan{std::get<0>(GetParam()), node + 1}));
    }
    client_ = info_.make_client();
    client_->register_memory(landing_.memory());
  }

  void connect() {
    Owed peer;
    peer.node = random_.below(2);
    const Ticket mine = ticket(++tickets_);
    peer.id =
        client_->connect(peer_host(info_.name), nodes_[peer.node]->admit(mine), mine, patience);
    peers_.push_back(std::move(peer));
  }

  /// A chain of up to ten reads of sizes from a byte to 100 KB, one in forty outside the pool.
  void post(Owed& peer) {
    std::vector<Read> chain;
    const std::size_t count = 1 + random_.below(10);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t size = 1 + random_.below(random_.below(4) == 0 ? 100'000 : 3'000);
      std::uint64_t offset = random_.below(pool_size - size + 1);
      if (random_.below(200) == 0) offset = pool_size - size + 1;
      const bool signalled = i + 1 == count || random_.below(3) == 0;
      chain.push_back({offset, landing_.slot(size), ++cookie_, signalled});
    }
    std::span<const Read> left = chain;
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (!left.empty()) {
      const std::size_t taken = client_->post(peer.id, left);
      for (const Read& read : left.first(taken)) peer.reads.push_back({read, peer.node + 1});
      left = left.subspan(taken);
      if (taken > 0) continue;
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "the window never opens";
      client_->wait(std::chrono::milliseconds{50});
      poll();
    }
  }

  void poll() {
    std::vector<ReadDone> done(1 + random_.below(12));
    const std::size_t count = client_->poll(done);
    for (std::size_t i = 0; i < count; ++i) settle(done[i]);
  }

  /// The completion belongs to a peer whose earlier reads are all accounted for by it.
  void settle(const ReadDone& done) {
    for (Owed& peer : peers_) {
      const auto found = std::ranges::find_if(
          peer.reads, [&](const Posted& posted) { return posted.read.cookie == done.cookie; });
      if (found == peer.reads.end()) continue;
      for (auto earlier = peer.reads.begin(); earlier != found; ++earlier) {
        EXPECT_FALSE(earlier->read.signalled) << "overtaken: " << earlier->read.cookie;
        EXPECT_FALSE(peer.failed) << "a failed read is reported: " << earlier->read.cookie;
        expect_arrived(*earlier);
      }
      if (done.status == ReadStatus::ok) {
        EXPECT_TRUE(found->read.signalled) << "nobody asked for " << done.cookie;
        EXPECT_FALSE(peer.failed) << "after a failure";
        expect_arrived(*found);
      } else {
        if (peer.failed) {
          EXPECT_EQ(done.status, ReadStatus::flushed);
        } else {
          EXPECT_TRUE(done.status == ReadStatus::flushed || done.status == ReadStatus::refused)
              << name_of(done.status);
        }
        const bool outside = found->read.offset + found->read.into.size() > pool_size;
        EXPECT_TRUE(outside || done.status != ReadStatus::refused);
        peer.failed = true;
      }
      peer.reads.erase(peer.reads.begin(), found + 1);
      return;
    }
    ADD_FAILURE() << "nobody has posted " << done.cookie << ", or it has ended already";
  }

  static void expect_arrived(const Posted& posted) {
    EXPECT_TRUE(holds_pool(posted.read.into, posted.seed, posted.read.offset))
        << posted.read.cookie;
  }

  void disconnect(std::size_t index) {
    Owed& peer = peers_[index];
    client_->disconnect(peer.id);
    const std::vector<Posted> rest(peer.reads.begin(), peer.reads.end());
    const auto give_up = std::chrono::steady_clock::now() + patience;
    const auto has_signalled = [&] {
      return std::ranges::any_of(peer.reads, [](const Posted& p) { return p.read.signalled; });
    };
    while (has_signalled()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "a read never came back";
      client_->wait(std::chrono::milliseconds{50});
      poll();
    }
    EXPECT_TRUE(peer.reads.empty()) << "the last read of a chain is signalled";
    for (const Posted& posted : rest) {
      std::ranges::fill(posted.read.into, given_back);
      returned_.push_back(posted.read.into);
    }
    peers_.erase(peers_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void expect_untouched() {
    EXPECT_TRUE(landing_.canaries_live());
    for (const auto& slot : returned_) {
      EXPECT_TRUE(all_are(given_back, slot)) << "written after it was given back";
    }
  }

  FabricInfo info_ = fabric(std::get<0>(GetParam()));
  Random random_{static_cast<std::uint64_t>(std::get<1>(GetParam()))};
  Landing landing_{16 << 20};
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<FabricClient> client_;
  std::vector<Owed> peers_;
  std::vector<std::span<std::byte>> returned_;
  std::uint64_t tickets_ = 0;
  std::uint64_t cookie_ = 0;
};

TEST_P(FabricProperty, EachReadEndsOnceAndNothingElseIsWritten) {
  for (int step = 0; step < steps && !HasFailure(); ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    const std::uint64_t dice = random_.below(20);
    if (peers_.empty() || (dice == 0 && peers_.size() < 3)) {
      connect();
    } else if (dice == 1) {
      disconnect(random_.below(peers_.size()));
    } else if (dice < 10) {
      post(peers_[random_.below(peers_.size())]);
    } else if (dice < 18) {
      poll();
    } else {
      client_->wait(std::chrono::microseconds{random_.below(2'000)});
    }
  }
  while (!peers_.empty() && !HasFatalFailure()) disconnect(0);
  expect_untouched();
  EXPECT_TRUE(is_silent(*client_));
  client_.reset();
  for (const auto& node : nodes_) node->stop();
}

std::string test_name(const testing::TestParamInfo<std::tuple<std::string, int>>& info) {
  std::string name = std::get<0>(info.param) + "_seed_" + std::to_string(std::get<1>(info.param));
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Seeds, FabricProperty,
                         testing::Combine(testing::ValuesIn(fabrics_to_test()),
                                          testing::Range(0, seeds)),
                         test_name);

}  // namespace
}  // namespace calvo::realrun
