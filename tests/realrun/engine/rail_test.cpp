// A rail between nodes that answer, give blocks and vanish when the test says so.
#include "realrun/engine/rail.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

using control::EventKind;
using control::TransferStatus;
using Clock = std::chrono::steady_clock;

constexpr BlockFormat format{64};

/// What the nodes do; the test changes it while they run.
struct World {
  std::mutex mutex;
  Clock::duration a_read_takes{};        ///< all reads of a node one after the other
  bool pools_are_silent = false;         ///< no read ends
  bool pools_are_away = false;           ///< none can be connected to
  std::uint64_t links = 0;               ///< made so far
  std::uint64_t broken = 0;              ///< so many of them, the first
  std::string refusal;                   ///< of new control connections; empty: none
  std::string fabric = "fake";           ///< that new ones offer
  std::vector<Nanoseconds> connects[2];  ///< time that was given to connect to each pool
  bool node_0_hangs = false;             ///< for new control connections

  template <class F>
  auto with(F&& f) {
    const std::lock_guard lock(mutex);
    return f();
  }
};

class FakeFabric final : public FabricClient {
public:
  explicit FakeFabric(World& world) : world_(world) {}
  FabricCaps caps() const override { return {}; }
  void register_memory(std::span<std::byte>) override {}

  PeerId connect(std::string_view host, const PoolOffer&, const Ticket&,
                 Nanoseconds limit) override {
    const std::lock_guard lock(world_.mutex);
    if (host != "10.0.0.1" && host != "10.0.0.2") throw std::runtime_error("a name");
    world_.connects[host == "10.0.0.1" ? 0 : 1].push_back(limit);
    if (world_.pools_are_away) throw std::runtime_error("away");
    const PeerId peer{next_++};
    peers_[peer].last = Clock::now();
    return peer;
  }
  std::size_t post(PeerId peer, std::span<const Read> chain) override {
    Peer& it = peers_.at(peer);
    if (it.reads.empty()) it.last = Clock::now();
    for (const Read& read : chain) it.reads.push_back(read.cookie);
    return chain.size();
  }
  std::size_t poll(std::span<ReadDone> done) override {
    const std::lock_guard lock(world_.mutex);
    std::size_t count = 0;
    for (; count < done.size() && !flushed_.empty(); flushed_.pop_front()) {
      done[count++] = {flushed_.front(), ReadStatus::flushed};
    }
    for (auto& [peer, it] : peers_) {
      if (world_.pools_are_silent || it.reads.empty() || count == done.size()) continue;
      const Clock::time_point now = Clock::now();
      if (now < it.last + world_.a_read_takes) continue;
      it.last = now;
      done[count++] = {it.reads.front(), ReadStatus::ok};
      it.reads.pop_front();
    }
    return count;
  }
  void wait(Nanoseconds limit) override {
    std::this_thread::sleep_for(std::min(limit, Nanoseconds{100'000}));
  }
  int wait_fd() override { return -1; }
  void disconnect(PeerId peer) override {
    flushed_.insert(flushed_.end(), peers_.at(peer).reads.begin(), peers_.at(peer).reads.end());
    peers_.erase(peer);
  }

private:
  struct Peer {
    std::deque<std::uint64_t> reads;
    Clock::time_point last;
  };
  World& world_;
  std::map<PeerId, Peer> peers_;
  std::deque<std::uint64_t> flushed_;
  std::uint32_t next_ = 0;
};

/// Has every block.
class FakeLink final : public NodeLink {
public:
  FakeLink(World& world, std::size_t node) : world_(world), event_(::eventfd(0, EFD_NONBLOCK)) {
    const std::lock_guard lock(world.mutex);
    number_ = world.links++;
    info_.address = node == 0 ? "10.0.0.1" : "10.0.0.2";
    info_.slot_stride = format.stride();
    info_.offers.push_back({world.fabric, {}});
  }
  ~FakeLink() override { ::close(event_); }
  const NodeInfo& info() const override { return info_; }
  void lookup(std::uint64_t tag, std::span<const BlockRun> runs) override {
    NodeReply reply{NodeReply::Kind::lookup, tag, {}, 0, {}, 0, {}};
    for (const BlockRun& run : runs) reply.counts.push_back(run.count);
    answer(std::move(reply));
  }
  void lease(std::uint64_t tag, BlockRun run) override {
    NodeReply reply{NodeReply::Kind::lease, tag, {}, tag, {}, 0, {}};
    reply.slots.resize(static_cast<std::size_t>(run.count));
    answer(std::move(reply));
  }
  void release(std::uint64_t) override {}
  void store(std::uint64_t tag, BlockRun run,
             std::span<const std::span<const std::byte>>) override {
    answer({NodeReply::Kind::stored, tag, {}, 0, {}, run.count, {}, run.count});
  }
  void poll(std::vector<NodeReply>& out) override {
    std::uint64_t events = 0;
    [[maybe_unused]] const auto got = ::read(event_, &events, sizeof events);
    out.insert(out.end(), ready_.begin(), ready_.end());
    ready_.clear();
    world_.with([&] { broken_ = number_ < world_.broken; });
  }
  std::uint64_t blocks_sent() const override { return 0; }
  int fd() const override { return event_; }
  bool wants_write() const override { return false; }
  bool alive() const override { return !broken_; }

private:
  void answer(NodeReply reply) {
    ready_.push_back(std::move(reply));
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto put = ::write(event_, &one, sizeof one);
  }
  World& world_;
  NodeInfo info_;
  std::vector<NodeReply> ready_;
  int event_;
  std::uint64_t number_ = 0;
  bool broken_ = false;
};

class RailTest : public ::testing::Test {
protected:
  RailTest() : notices_(1 << 12, bell_), memory_(4096 * 128) {
    parts_.fabric = "fake";
    parts_.make_fabric = [this] { return std::make_unique<FakeFabric>(world_); };
    parts_.hosts = {"node0", "node1"};
    parts_.connect = [this](std::size_t node,
                            const std::stop_token& stop) -> std::unique_ptr<NodeLink> {
      while (node == 0 && world_.with([this] { return world_.node_0_hangs; })) {
        if (stop.stop_requested()) throw std::runtime_error("told to stop");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
      const std::string refusal = world_.with([this] { return world_.refusal; });
      if (!refusal.empty()) throw InputError({"storage node", 0, 0}, "", refusal);
      return std::make_unique<FakeLink>(world_, node);
    };
  }
  ~RailTest() override {
    notices_.close();
    connector_->stop();
    rail_->orders().push(StopOrder{});
    rail_->join();
  }

  void start(Nanoseconds limit) {
    connector_ = std::make_unique<Connector>(parts_, notices_);
    RailSettings settings;
    settings.format = format;
    settings.verify = false;
    settings.limit = limit;
    settings.window = Bytes{1 << 20};
    std::vector<std::unique_ptr<NodeLink>> links;
    for (std::size_t node = 0; node < 2; ++node) links.push_back(parts_.connect(node, {}));
    rail_ = std::make_unique<Rail>(settings, parts_, memory_, std::move(links), clock_, notices_,
                                   copies_, *connector_);
    rail_->start();
  }

  void fetch(std::uint64_t run, std::uint32_t node, std::int32_t blocks) {
    FetchOrder order{RunId{run}, StorageId{node}, {}, std::make_shared<FetchProgress>()};
    for (std::int32_t i = 0; i < blocks; ++i) {
      order.blocks.push_back({BlockId{static_cast<std::uint64_t>(i)}, memory_.data(), 1});
    }
    rail_->orders().push(std::move(order));
  }
  void look_up(std::uint64_t run) {
    rail_->orders().push(
        LookupOrder{RunId{run}, 0, {{{BlockId{0}, 4}, {StorageId{0}, StorageId{1}}}}});
  }
  /// Waits until that is true of all notices so far.
  void wait_for(const std::function<bool()>& what) {
    const Clock::time_point limit = Clock::now() + std::chrono::seconds{60};
    for (;;) {
      notices_.drain(heard_);
      if (what()) return;
      ASSERT_LT(Clock::now(), limit);
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  std::vector<Notice> heard(EventKind kind) const {
    std::vector<Notice> of_kind;
    std::ranges::copy_if(heard_, std::back_inserter(of_kind), [&](const Notice& notice) {
      return (notice.kind == Notice::Kind::event || notice.kind == Notice::Kind::rail) &&
             notice.event.kind == kind;
    });
    return of_kind;
  }
  std::vector<Notice> complaints() const {
    std::vector<Notice> all;
    std::ranges::copy_if(heard_, std::back_inserter(all), [](const Notice& notice) {
      return notice.kind == Notice::Kind::complaint;
    });
    return all;
  }

  World world_;
  Doorbell bell_{Doorbell::Sleeper::alone};
  Doorbell copies_{Doorbell::Sleeper::alone};
  NoticeRing notices_;
  WallClock clock_;
  Parts parts_;
  std::vector<std::byte> memory_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<Rail> rail_;
  std::vector<Notice> heard_;
};

TEST_F(RailTest, LosesNoNodeThatGivesABlockNowAndThenHoweverLongATransferTakes) {
  world_.a_read_takes = std::chrono::milliseconds{5};
  start(Nanoseconds{100'000'000});
  constexpr std::uint64_t fetches = 40;  // so the next block of each comes after 200 ms
  for (std::uint64_t run = 1; run <= fetches; ++run) fetch(run, 0, 3);
  wait_for([&] { return heard(EventKind::fetch_done).size() == fetches; });
  for (const Notice& notice : heard(EventKind::fetch_done)) {
    EXPECT_EQ(notice.event.status, TransferStatus::ok);
    EXPECT_EQ(notice.event.blocks, 3);
  }
  EXPECT_TRUE(heard(EventKind::node_down).empty());
}

TEST_F(RailTest, LosesANodeThatAnswersAndGivesNoBlocks) {
  world_.pools_are_silent = true;
  start(Nanoseconds{50'000'000});
  fetch(1, 0, 3);
  std::uint64_t lookups = 0;
  wait_for([&] {
    look_up(100 + lookups++);
    return !heard(EventKind::fetch_done).empty();
  });
  EXPECT_EQ(heard(EventKind::fetch_done).front().event.status, TransferStatus::timeout);
  EXPECT_EQ(heard(EventKind::fetch_done).front().event.blocks, 0);
  wait_for([&] { return !heard(EventKind::drained).empty(); });
  ASSERT_EQ(heard(EventKind::node_down).size(), 1U);
  EXPECT_EQ(heard(EventKind::node_down).front().event.node, StorageId{0});
  wait_for([&] { return heard(EventKind::lookup_done).size() == lookups; });
}

TEST_F(RailTest, GivesLittleTimeToAPoolThatIsAwayAndMoreEachTime) {
  start(Nanoseconds{1'000'000'000});
  world_.with([&] {
    world_.broken = world_.links;
    world_.pools_are_away = true;
  });
  look_up(1);
  wait_for([&] { return world_.with([&] { return world_.connects[1].size() > 8; }); });
  world_.with([&] { world_.pools_are_away = false; });
  wait_for([&] { return heard(EventKind::node_up).size() == heard(EventKind::node_down).size(); });
  std::vector<Nanoseconds> given = world_.with([&] { return world_.connects[1]; });
  given.resize(8);
  const auto ms = [](std::int64_t count) { return Nanoseconds{count * 1'000'000}; };
  EXPECT_EQ(given, (std::vector{ms(5000), ms(200), ms(400), ms(800), ms(1600), ms(3200), ms(5000),
                                ms(5000)}));
  fetch(2, 1, 3);
  wait_for([&] { return !heard(EventKind::fetch_done).empty(); });
  EXPECT_EQ(heard(EventKind::fetch_done).front().event.status, TransferStatus::ok);
}

TEST_F(RailTest, GetsANodeBackWhileAnotherDoesNotAnswer) {
  start(Nanoseconds{1'000'000'000});
  world_.with([&] {
    world_.broken = world_.links;
    world_.node_0_hangs = true;
  });
  look_up(1);
  wait_for([&] { return !heard(EventKind::node_up).empty(); });
  EXPECT_EQ(heard(EventKind::node_up).front().event.node, StorageId{1});
  world_.with([&] { world_.node_0_hangs = false; });
  wait_for([&] { return heard(EventKind::node_up).size() >= 2; });
}

TEST_F(RailTest, ComplainsOfANodeThatRefusesItAndGoesOnTrying) {
  start(Nanoseconds{1'000'000'000});
  world_.with([&] {
    world_.broken = world_.links;
    world_.refusal = "the node has another key";
  });
  look_up(1);
  wait_for([&] { return !complaints().empty(); });
  EXPECT_EQ(complaints().front().text, "storage node:0:0: the node has another key");
  world_.with([&] { world_.refusal.clear(); });
  wait_for([&] { return !heard(EventKind::node_up).empty(); });
}

TEST_F(RailTest, ComplainsOfANodeThatServesTheFabricNoMore) {
  start(Nanoseconds{1'000'000'000});
  world_.with([&] {
    world_.broken = world_.links;
    world_.fabric = "pigeon";
  });
  look_up(1);
  wait_for([&] { return !complaints().empty(); });
  EXPECT_NE(complaints().front().text.find("does not serve \"fake\" but: pigeon"),
            std::string::npos)
      << complaints().front().text;
}

}  // namespace
}  // namespace calvo::realrun
