// What a gate says to a piece is what happens to it: fabrics whose storage node sends.
#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "harness.hpp"

namespace calvo::realrun {
namespace {

struct Piece {
  std::uint64_t offset;
  std::uint64_t bytes;
  bool operator==(const Piece&) const = default;
};

/// Notes each piece and says `verdict` to number `which`.
class OneFault final : public SendGate {
public:
  OneFault(Verdict verdict, std::size_t which) : verdict_(verdict), which_(which) {}

  Verdict before_send(std::uint64_t offset, std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    pieces_.push_back({offset, bytes});
    return pieces_.size() - 1 == which_ ? verdict_ : Verdict::send;
  }
  std::vector<Piece> pieces() const {
    const std::lock_guard lock(mutex_);
    return pieces_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<Piece> pieces_;
  Verdict verdict_;
  std::size_t which_;
};

/// One read of three pieces and a bit between two small ones, through a gate.
class Gate : public testing::Test {
protected:
  static constexpr std::uint64_t offset = 12'345;
  static constexpr std::size_t length = 3 * SendGate::most_piece + 777;

  void run(SendGate& gate) {
    const auto server =
        info_.make_server(shared_pool(), {.bind = "127.0.0.1", .port = 0, .gate = &gate});
    const auto client = info_.make_client();
    client->register_memory(landing_.memory());
    const PeerId peer = client->connect("127.0.0.1", server->admit(ticket(1)), ticket(1), patience);
    done_ = read_all(*client, peer, reads_);
    ASSERT_EQ(done_.size(), 3U);
    EXPECT_TRUE(landing_.canaries_live());
  }

  FabricInfo info_ = fabric("tcp");
  Landing landing_{2 << 20};
  std::array<Read, 3> reads_ = {Read{1, landing_.slot(100), 1},
                                Read{offset, landing_.slot(length), 2},
                                Read{9, landing_.slot(1), 3}};
  std::vector<ReadDone> done_;
};

TEST_F(Gate, IsAskedForEachPieceOfAReadInOrder) {
  OneFault gate(SendGate::Verdict::send, 99);
  run(gate);
  constexpr std::uint64_t most = SendGate::most_piece;
  const std::vector<Piece> expected = {{1, 100},
                                       {offset, most},
                                       {offset + most, most},
                                       {offset + 2 * most, most},
                                       {offset + 3 * most, 777},
                                       {9, 1}};
  EXPECT_EQ(gate.pieces(), expected);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(done_[i].status, ReadStatus::ok);
    EXPECT_TRUE(holds_pool(reads_[i].into, 1, reads_[i].offset));
  }
}

TEST_F(Gate, CorruptFlipsThePromisedBitAndNoOther) {
  for (const std::size_t which : {1, 3, 4}) {
    OneFault gate(SendGate::Verdict::corrupt, which);
    run(gate);
    const std::uint64_t start = (which - 1) * SendGate::most_piece;
    const std::uint64_t bytes = which == 4 ? 777 : SendGate::most_piece;
    std::byte& flipped = reads_[1].into[start + bytes / 2];
    EXPECT_EQ(flipped, pool_byte(1, offset + start + bytes / 2) ^ std::byte{1});
    flipped ^= std::byte{1};
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(done_[i].status, ReadStatus::ok);
      EXPECT_TRUE(holds_pool(reads_[i].into, 1, reads_[i].offset));
    }
  }
}

TEST_F(Gate, CorruptReachesAReadOfOneByte) {
  OneFault gate(SendGate::Verdict::corrupt, 5);
  run(gate);
  EXPECT_EQ(done_[2].status, ReadStatus::ok);
  EXPECT_EQ(reads_[2].into[0], pool_byte(1, 9) ^ std::byte{1});
}

TEST_F(Gate, TruncateSendsHalfOfThePieceAndEndsTheConnection) {
  OneFault gate(SendGate::Verdict::truncate, 2);
  run(gate);
  EXPECT_EQ(done_[0].status, ReadStatus::ok);
  EXPECT_EQ(done_[1].status, ReadStatus::peer_gone);
  EXPECT_EQ(done_[2].status, ReadStatus::flushed);
  constexpr std::size_t came = SendGate::most_piece * 3 / 2;
  EXPECT_TRUE(holds_pool(reads_[1].into.first(came), 1, offset));
  EXPECT_TRUE(Landing::is_blank(reads_[1].into.subspan(came)));
  EXPECT_TRUE(Landing::is_blank(reads_[2].into));
}

TEST_F(Gate, DropSendsNothingOfThePieceAndEndsTheConnection) {
  OneFault gate(SendGate::Verdict::drop_connection, 2);
  run(gate);
  EXPECT_EQ(done_[2].status, ReadStatus::flushed);
  EXPECT_TRUE(done_[1].status == ReadStatus::peer_gone || done_[1].status == ReadStatus::flushed);
  EXPECT_TRUE(Landing::is_blank(reads_[1].into.subspan(SendGate::most_piece)));
  EXPECT_TRUE(Landing::is_blank(reads_[2].into));
  EXPECT_EQ(gate.pieces().size(), 3U);
}

/// Holds each piece until it is opened.
class Shut final : public SendGate {
public:
  Verdict before_send(std::uint64_t, std::uint64_t) override {
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    return Verdict::send;
  }
  void await_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;
  bool open_ = false;
};

TEST_F(Gate, RevokeDoesNotWaitForAPieceThatIsHeld) {
  Shut gate;
  const auto server =
      info_.make_server(shared_pool(), {.bind = "127.0.0.1", .port = 0, .gate = &gate});
  const auto client = info_.make_client();
  client->register_memory(landing_.memory());
  const PeerId peer = client->connect("127.0.0.1", server->admit(ticket(1)), ticket(1), patience);
  std::vector<ReadDone> done;
  post_all(*client, peer, reads_, done);
  gate.await_asked();
  server->revoke(ticket(1));
  gate.open();
  await(*client, 3, done);
  EXPECT_EQ(done[0].status, ReadStatus::peer_gone);
  for (const Read& read : reads_) EXPECT_TRUE(Landing::is_blank(read.into));
}

}  // namespace
}  // namespace calvo::realrun
