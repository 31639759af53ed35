// What every fabric promises (realrun/fabrics/fabric.hpp), tried on each that is usable here.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <limits>
#include <numeric>
#include <ranges>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "core/contract.hpp"
#include "harness.hpp"

namespace calvo::realrun {
namespace {

using testing::Each;
using testing::Field;

constexpr std::size_t landing_bytes = 13 << 20;

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class Conformance : public testing::TestWithParam<std::string> {
protected:
  NodePlan plan() const { return {.fabric = GetParam()}; }

  std::unique_ptr<FabricClient> client_for(Landing& landing) {
    auto client = info_.make_client();
    client->register_memory(landing.memory());
    return client;
  }

  PeerId enter(FabricClient& client, Node& node, const Ticket& with) const {
    return client.connect(host_, node.admit(with), with, patience);
  }

  /// Reads one byte of each end of the pool.
  static void expect_works(FabricClient& client, PeerId peer, Landing& landing) {
    const std::size_t last = pool_size - 1;
    const std::array reads = {Read{0, landing.slot(1), 71}, Read{last, landing.slot(1), 72}};
    const auto done = read_all(client, peer, reads);
    EXPECT_THAT(done, Each(Field(&ReadDone::status, ReadStatus::ok)));
    EXPECT_EQ(reads[0].into[0], pool_byte(1, 0));
    EXPECT_EQ(reads[1].into[0], pool_byte(1, last));
  }

  FabricInfo info_ = fabric(GetParam());
  std::string host_ = peer_host(GetParam());
  Landing landing_{landing_bytes};
};

// The end of a peer: some that came, one that says why, the rest flushed.
void expect_ends_with(std::span<const ReadDone> done, ReadStatus why) {
  const auto failed =
      std::ranges::find_if(done, [](const ReadDone& d) { return d.status != ReadStatus::ok; });
  ASSERT_NE(failed, done.end()) << "nothing failed";
  EXPECT_EQ(failed->status, why) << name_of(failed->status);
  EXPECT_TRUE(std::all_of(failed + 1, done.end(),
                          [](const ReadDone& d) { return d.status == ReadStatus::flushed; }));
}

TEST_P(Conformance, BytesAreRightForOddSizesAndOffsets) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  std::vector<Read> reads;
  std::uint64_t offset = 1;
  for (const std::size_t size : {1, 2, 3, 7, 63, 64, 65, 4095, 4097, 65535, 65537, 262143, 262145,
                                 (1 << 20) + 13, (5 << 20) - 3}) {
    reads.push_back({offset, landing_.slot(size), offset});
    offset += size / 2 + 1;
  }
  const auto done = read_all(*client, peer, reads);
  ASSERT_EQ(done.size(), reads.size());
  for (std::size_t i = 0; i < reads.size(); ++i) {
    EXPECT_EQ(done[i].cookie, reads[i].cookie) << "completions come in the order of posting";
    EXPECT_EQ(done[i].status, ReadStatus::ok);
    EXPECT_TRUE(holds_pool(reads[i].into, 1, reads[i].offset)) << reads[i].into.size();
  }
  EXPECT_TRUE(landing_.canaries_live());
  EXPECT_TRUE(is_silent(*client));
}

TEST_P(Conformance, OnlySignalledReadsAreReported) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  std::vector<Read> chain;
  for (std::uint64_t i = 0; i < 8; ++i) {
    chain.push_back({i * 70'001, landing_.slot(70'000), i, i % 8 == 7});
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<ReadDone> done;
    post_all(*client, peer, chain, done);
    await(*client, 1, done);
    ASSERT_EQ(done.size(), 1U);
    EXPECT_EQ(done[0].cookie, 7U);
    EXPECT_EQ(done[0].status, ReadStatus::ok);
    for (const Read& read : chain) EXPECT_TRUE(holds_pool(read.into, 1, read.offset));
    EXPECT_TRUE(is_silent(*client));
  }
}

TEST_P(Conformance, TakesNoMoreThanItsWindowAndLosesNothingBeyondIt) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  const auto window = static_cast<std::size_t>(client->caps().most_outstanding);
  ASSERT_GT(window, 0U);
  std::vector<Read> reads;
  for (std::uint64_t i = 0; i < 3 * window + 5; ++i) {
    reads.push_back({i * 1'013, landing_.slot(1'013), i});
  }
  std::vector<ReadDone> done;
  const std::size_t first = client->post(peer, reads);
  EXPECT_GT(first, 0U);
  EXPECT_LE(first, window);
  post_all(*client, peer, std::span(reads).subspan(first), done);
  await(*client, reads.size(), done);
  ASSERT_EQ(done.size(), reads.size());
  for (std::size_t i = 0; i < reads.size(); ++i) {
    EXPECT_EQ(done[i].cookie, i);
    EXPECT_EQ(done[i].status, ReadStatus::ok);
    EXPECT_TRUE(holds_pool(reads[i].into, 1, reads[i].offset));
  }
  EXPECT_TRUE(is_silent(*client));
}

TEST_P(Conformance, AChainLongerThanTheWindowWithOneSignalGetsThrough) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  const auto window = static_cast<std::size_t>(client->caps().most_outstanding);
  std::vector<Read> chain;
  for (std::uint64_t i = 0; i < 2 * window + 3; ++i) {
    chain.push_back({i * 517, landing_.slot(517), i, false});
  }
  chain.back().signalled = true;
  std::vector<ReadDone> done;
  post_all(*client, peer, chain, done);
  await(*client, 1, done);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].cookie, chain.back().cookie);
  EXPECT_EQ(done[0].status, ReadStatus::ok);
  for (const Read& read : chain) EXPECT_TRUE(holds_pool(read.into, 1, read.offset));
}

TEST_P(Conformance, TwoClientsAtOnceGetTheirOwnBytes) {
  Node node(plan());
  const std::array offers = {node.admit(ticket(1)), node.admit(ticket(2))};
  const auto work = [&](std::uint64_t number) {
    Landing landing(4 << 20);
    const auto client = client_for(landing);
    const PeerId peer = client->connect(host_, offers[number - 1], ticket(number), patience);
    for (int round = 0; round < 4; ++round) {
      landing.clear();
      std::vector<Read> reads;
      for (std::uint64_t i = 0; i < 20; ++i) {
        reads.push_back({(number * 31 + i) * 100'003, landing.slot(100'003), i});
      }
      for (const ReadDone& done : read_all(*client, peer, reads)) {
        EXPECT_EQ(done.status, ReadStatus::ok);
      }
      for (const Read& read : reads) EXPECT_TRUE(holds_pool(read.into, 1, read.offset));
      EXPECT_TRUE(landing.canaries_live());
    }
  };
  std::thread other([&] { work(2); });
  work(1);
  other.join();
}

TEST_P(Conformance, OneClientReadsFromTwoNodes) {
  Node first(plan());
  Node second({.fabric = GetParam(), .seed = 2});
  const auto client = client_for(landing_);
  const std::array peers = {enter(*client, first, ticket(1)), enter(*client, second, ticket(2))};
  std::vector<Read> reads;
  std::vector<ReadDone> done;
  for (std::uint64_t i = 0; i < 40; ++i) {
    reads.push_back({i * 997, landing_.slot(20'000 + i), i});
    post_all(*client, peers[i % 2], std::span(reads).last(1), done);
  }
  await(*client, reads.size(), done);
  ASSERT_EQ(done.size(), reads.size());
  for (const ReadDone& one : done) {
    EXPECT_EQ(one.status, ReadStatus::ok);
    const Read& read = reads[one.cookie];
    EXPECT_TRUE(holds_pool(read.into, 1 + one.cookie % 2, read.offset));
  }
  for (const std::uint64_t peer : {0, 1}) {
    std::vector<std::uint64_t> cookies;
    for (const ReadDone& one : done) {
      if (one.cookie % 2 == peer) cookies.push_back(one.cookie);
    }
    EXPECT_TRUE(std::ranges::is_sorted(cookies)) << "of peer " << peer;
  }
}

TEST_P(Conformance, ItsDescriptorIsReadableWhenACompletionWaits) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  pollfd watched{client->wait_fd(), POLLIN, 0};
  if (watched.fd < 0) GTEST_SKIP() << "this fabric has none";
  const std::array reads = {Read{0, landing_.slot(300'000), 1}, Read{5, landing_.slot(3), 2}};
  std::vector<ReadDone> done;
  post_all(*client, peer, reads, done);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (done.size() < 2 && std::chrono::steady_clock::now() < give_up) {
    ASSERT_EQ(::poll(&watched, 1, 60'000), 1) << "asleep with " << done.size() << " of 2";
    std::array<ReadDone, 1> one;  // one at a time: the other must keep it readable
    if (client->poll(one) == 1) done.push_back(one[0]);
  }
  ASSERT_EQ(done.size(), 2U);

  std::vector<Read> more;
  for (std::uint64_t i = 0; i < 4; ++i) more.push_back({i, landing_.slot(500'000), 10 + i});
  post_all(*client, peer, more, done);
  client->disconnect(peer);
  while (done.size() < 6) {
    ASSERT_EQ(::poll(&watched, 1, 60'000), 1) << "asleep with " << done.size() << " of 6";
    std::array<ReadDone, 1> one;
    if (client->poll(one) == 1) done.push_back(one[0]);
  }
  EXPECT_TRUE(is_silent(*client));
  EXPECT_EQ(::poll(&watched, 1, 0), 0) << "awake for nothing";
}

TEST_P(Conformance, RefusesWhatLiesOutsideThePool) {
  Node node(plan());
  const auto client = client_for(landing_);
  const std::uint64_t end = pool_size;
  struct Case {
    std::uint64_t offset;
    std::size_t length;
  };
  std::uint64_t number = 10;
  for (const Case& wrong : {Case{end, 1}, Case{end - 1, 2}, Case{end - 100'000, 100'001},
                            Case{std::numeric_limits<std::uint64_t>::max() - 10, 64},
                            Case{std::uint64_t{1} << 63, 1}, Case{0, 0}, Case{17, 0}}) {
    SCOPED_TRACE(testing::Message() << wrong.length << " bytes at " << wrong.offset);
    landing_.clear();
    const PeerId peer = enter(*client, node, ticket(++number));
    const std::array reads = {Read{3, landing_.slot(5'000), 1, false},
                              Read{wrong.offset, landing_.slot(wrong.length), 2, false},
                              Read{4, landing_.slot(50), 3, false}, Read{5, landing_.slot(50), 4}};
    std::vector<ReadDone> done;
    post_all(*client, peer, reads, done);
    await(*client, 1, done);
    EXPECT_EQ(done[0].cookie, 2U);
    EXPECT_EQ(done[0].status, ReadStatus::refused) << name_of(done[0].status);
    EXPECT_TRUE(holds_pool(reads[0].into, 1, 3)) << "what was posted before it came";
    client->disconnect(peer);
    await(*client, 3, done);
    ASSERT_EQ(done.size(), 3U);
    EXPECT_EQ(done[1].cookie, 3U);
    EXPECT_EQ(done[1].status, ReadStatus::flushed);
    EXPECT_EQ(done[2].cookie, 4U);
    EXPECT_EQ(done[2].status, ReadStatus::flushed);
    EXPECT_TRUE(Landing::is_blank(reads[1].into));
    EXPECT_TRUE(landing_.canaries_live());
  }
}

TEST_P(Conformance, ARefusalDoesNotOvertakeWhatWasReadBefore) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  const std::array reads = {Read{3, landing_.slot(1'000'000), 1},
                            Read{pool_size, landing_.slot(9), 2}};
  std::vector<ReadDone> done;
  post_all(*client, peer, reads, done);
  // Time for the node to refuse, and to end the connection on bytes that nobody has fetched yet.
  std::this_thread::sleep_for(std::chrono::milliseconds{30});
  await(*client, 2, done);
  EXPECT_EQ(done[0].status, ReadStatus::ok) << name_of(done[0].status);
  EXPECT_EQ(done[1].status, ReadStatus::refused) << name_of(done[1].status);
  EXPECT_TRUE(holds_pool(reads[0].into, 1, 3));
}

TEST_P(Conformance, ARefusalEndsOneConnectionOnly) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId good = enter(*client, node, ticket(1));
  const PeerId bad = enter(*client, node, ticket(2));
  const std::array reads = {Read{pool_size, landing_.slot(9), 1}};
  expect_ends_with(read_all(*client, bad, reads), ReadStatus::refused);
  const std::array more = {Read{0, landing_.slot(9), 2}, Read{0, landing_.slot(9), 3}};
  for (const ReadDone& done : read_all(*client, bad, more)) {
    EXPECT_NE(done.status, ReadStatus::ok) << "a peer that has failed serves no more";
  }
  expect_works(*client, good, landing_);
  client->disconnect(bad);
  expect_works(*client, good, landing_);
}

TEST_P(Conformance, TakesNoTicketThatItHasNotIssued) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PoolOffer offer = node.admit(ticket(1));
  Ticket wrong = ticket(1);
  wrong.bytes[31] ^= std::byte{1};
  EXPECT_THROW(client->connect(host_, offer, wrong, patience), std::runtime_error);
  EXPECT_THROW(client->connect(host_, offer, ticket(2), patience), std::runtime_error);
  const PeerId peer = client->connect(host_, offer, ticket(1), patience);
  expect_works(*client, peer, landing_);
}

TEST_P(Conformance, ADamagedOfferIsRefused) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PoolOffer offer = node.admit(ticket(1));
  PoolOffer shorter = offer;
  shorter.blob.pop_back();
  PoolOffer empty = offer;
  empty.blob.clear();
  PoolOffer longer = offer;
  longer.blob.push_back(std::byte{0});
  for (const PoolOffer& damaged : {shorter, empty, longer}) {
    EXPECT_THROW(client->connect(host_, damaged, ticket(1), patience), std::runtime_error);
  }
  const PeerId peer = client->connect(host_, offer, ticket(1), patience);
  expect_works(*client, peer, landing_);
}

TEST_P(Conformance, ARevokedTicketOpensNothing) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PoolOffer offer = node.admit(ticket(1));
  const PeerId other = enter(*client, node, ticket(2));
  node.revoke(ticket(1));
  node.revoke(ticket(1));
  node.revoke(ticket(3));
  EXPECT_THROW(client->connect(host_, offer, ticket(1), patience), std::runtime_error);
  expect_works(*client, other, landing_);
}

TEST_P(Conformance, NoByteGoesOutAfterRevoke) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  const auto window = static_cast<std::uint64_t>(client->caps().most_outstanding);
  const std::uint64_t count = std::min<std::uint64_t>(window, 32);
  std::vector<Read> reads;
  for (std::uint64_t i = 0; i < count; ++i) {
    reads.push_back({i * 200'000, landing_.slot(200'000), i});
  }
  std::vector<ReadDone> done;
  post_all(*client, peer, reads, done);
  node.revoke(ticket(1));
  node.overwrite_pool();  // with a secret of whoever gets the memory next
  reads.push_back({0, landing_.slot(4'096), count});
  post_all(*client, peer, std::span(reads).last(1), done);
  await(*client, reads.size(), done);
  EXPECT_NE(done.back().status, ReadStatus::ok);
  for (const ReadDone& one : done) {
    const Read& read = reads[one.cookie];
    if (one.status == ReadStatus::ok) {
      EXPECT_TRUE(holds_pool(read.into, 1, read.offset)) << "read " << one.cookie;
    }
    std::size_t longest = 0;
    std::size_t run = 0;
    for (const std::byte value : read.into) {
      run = value == Node::overwritten ? run + 1 : 0;
      longest = std::max(longest, run);
    }
    EXPECT_LT(longest, 8U) << "read " << one.cookie << " got what came after revoke()";
  }
  client->disconnect(peer);
  EXPECT_TRUE(landing_.canaries_live());
}

TEST_P(Conformance, AfterDisconnectNothingLandsAndAllComesBack) {
  Node node(plan());
  const auto client = client_for(landing_);
  for (std::uint64_t round = 0; round < 6; ++round) {
    SCOPED_TRACE(round);
    landing_.clear();
    const Ticket mine = ticket(round);
    const PeerId peer = enter(*client, node, mine);
    const auto window = static_cast<std::uint64_t>(client->caps().most_outstanding);
    std::vector<Read> reads;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(window, 40); ++i) {
      reads.push_back({i * 150'007, landing_.slot(300'000), i});
    }
    std::vector<ReadDone> done;
    post_all(*client, peer, reads, done);
    await(*client, round, done);  // a few arrive, the others are on their way
    client->disconnect(peer);
    await(*client, reads.size(), done);
    ASSERT_EQ(done.size(), reads.size());
    std::vector<std::size_t> given_up;
    for (std::size_t i = 0; i < done.size(); ++i) {
      EXPECT_EQ(done[i].cookie, i);
      if (done[i].status == ReadStatus::ok) {
        EXPECT_TRUE(given_up.empty()) << "in order";
        EXPECT_TRUE(holds_pool(reads[i].into, 1, reads[i].offset));
      } else {
        EXPECT_EQ(done[i].status, ReadStatus::flushed);
        given_up.push_back(i);
        std::ranges::fill(reads[i].into, std::byte{0x77});  // it belongs to somebody else now
      }
    }
    const PeerId next = enter(*client, node, ticket(100 + round));
    std::vector<std::byte> before(landing_.memory().begin(), landing_.memory().end());
    std::array<Read, 1> again = {Read{0, reads[0].into.first(1), 9}};
    const bool first_is_free = given_up.empty() || given_up[0] != 0;
    if (first_is_free) {
      EXPECT_EQ(read_all(*client, next, again)[0].status, ReadStatus::ok);
      before[static_cast<std::size_t>(again[0].into.data() - landing_.memory().data())] =
          pool_byte(1, 0);
    }
    node.revoke(mine);
    EXPECT_TRUE(std::ranges::equal(before, landing_.memory())) << "something landed afterwards";
    client->disconnect(next);
    EXPECT_TRUE(landing_.canaries_live());
    EXPECT_TRUE(is_silent(*client));
  }
}

TEST_P(Conformance, ReconnectsUnderTheSameTicket) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PoolOffer offer = node.admit(ticket(1));
  for (int round = 0; round < 5; ++round) {
    const PeerId peer = client->connect(host_, offer, ticket(1), patience);
    expect_works(*client, peer, landing_);
    client->disconnect(peer);
  }
}

TEST_P(Conformance, AKilledNodeIsNoticed) {
  constexpr std::uint64_t pieces = 3;
  Node node({.fabric = GetParam(), .pieces = pieces});
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  const bool gated = !client->caps().one_sided;
  std::vector<Read> reads;
  for (std::uint64_t i = 0; i < 128; ++i) reads.push_back({i * 50'000, landing_.slot(50'000), i});
  std::vector<ReadDone> done;
  post_all(*client, peer, reads, done);
  await(*client, pieces, done);
  node.kill();
  await(*client, reads.size(), done);
  ASSERT_EQ(done.size(), reads.size());
  if (gated) {
    expect_ends_with(done, ReadStatus::peer_gone);
    EXPECT_EQ(done.at(pieces).status, ReadStatus::peer_gone);
  }
  for (std::size_t i = 0; i < done.size(); ++i) {
    EXPECT_EQ(done[i].cookie, i);
    if (done[i].status == ReadStatus::ok) {
      EXPECT_TRUE(holds_pool(reads[i].into, 1, i * 50'000));
    }
  }
  const std::array late = {Read{0, landing_.slot(10), 100}};
  const auto after = read_all(*client, peer, late);
  EXPECT_NE(after[0].status, ReadStatus::ok);
  EXPECT_TRUE(Landing::is_blank(late[0].into));
  client->disconnect(peer);
  EXPECT_TRUE(landing_.canaries_live());

  Node next(plan());
  const PeerId anew = enter(*client, next, ticket(2));
  expect_works(*client, anew, landing_);
  client->disconnect(anew);
}

TEST_P(Conformance, ANodeThatEndsIsNoticed) {
  const auto client = client_for(landing_);
  Node node(plan());
  const PoolOffer offer = node.admit(ticket(1));
  const PeerId peer = client->connect(host_, offer, ticket(1), patience);
  expect_works(*client, peer, landing_);
  node.stop();
  const std::array reads = {Read{0, landing_.slot(10), 1}, Read{0, landing_.slot(10), 2}};
  expect_ends_with(read_all(*client, peer, reads), ReadStatus::peer_gone);
  client->disconnect(peer);
  EXPECT_THROW(client->connect(host_, offer, ticket(1), patience), std::runtime_error);
}

TEST_P(Conformance, AHungNodeCanBeGivenUp) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  expect_works(*client, peer, landing_);
  node.signal(SIGSTOP);
  std::vector<Read> reads;
  for (std::uint64_t i = 0; i < 8; ++i) reads.push_back({i, landing_.slot(1'000'000), i});
  std::vector<ReadDone> done;
  post_all(*client, peer, reads, done);
  client->disconnect(peer);
  await(*client, reads.size(), done);
  std::vector<std::size_t> given_up;
  for (const ReadDone& one : done) {
    const Read& read = reads[one.cookie];
    if (one.status == ReadStatus::ok) {
      EXPECT_TRUE(holds_pool(read.into, 1, read.offset));
    } else {
      EXPECT_EQ(one.status, ReadStatus::flushed);
      std::ranges::fill(read.into, std::byte{0x77});
      given_up.push_back(one.cookie);
    }
  }
  node.signal(SIGCONT);
  // It lives again and sends, if it can, what it owed: to nobody.
  Node another(plan());
  const PeerId next = enter(*client, another, ticket(2));
  expect_works(*client, next, landing_);
  for (const std::size_t index : given_up) {
    EXPECT_TRUE(all_are(std::byte{0x77}, reads[index].into));
  }
  EXPECT_TRUE(landing_.canaries_live());
}

TEST_P(Conformance, NobodyListeningIsSaidInOneLine) {
  const auto client = client_for(landing_);
  PoolOffer offer;
  {
    Node node(plan());
    offer = node.admit(ticket(1));
  }
  try {
    client->connect(host_, offer, ticket(1), patience);
    FAIL() << "connected to nobody";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(host_), std::string_view::npos) << error.what();
  }
}

TEST_P(Conformance, LandingOutsideTheRegisteredMemoryIsABrokenContract) {
  Node node(plan());
  const auto client = client_for(landing_);
  const PeerId peer = enter(*client, node, ticket(1));
  std::vector<std::byte> elsewhere(16);
  const std::array reads = {Read{0, elsewhere, 1}};
  EXPECT_THROW(client->post(peer, reads), ContractViolation);
  const std::array quiet = {Read{0, landing_.slot(4), 1, false}};
  EXPECT_THROW(client->post(peer, quiet), ContractViolation);
  EXPECT_EQ(client->post(peer, {}), 0U);
  expect_works(*client, peer, landing_);
}

INSTANTIATE_TEST_SUITE_P(Fabric, Conformance, testing::ValuesIn(fabrics_to_test()), test_name);

}  // namespace
}  // namespace calvo::realrun
