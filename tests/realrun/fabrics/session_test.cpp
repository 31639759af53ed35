// The door and what comes through it, by a peer that does not keep to the rules.
#include "realrun/fabrics/session.hpp"

#include <array>
#include <cstring>
#include <semaphore>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/random.hpp"
#include "harness.hpp"
#include "realrun/fabrics/tcp_protocol.hpp"

namespace calvo::realrun {
namespace {

using transport::deadline_in;
using transport::Fd;

class Door : public testing::Test {
protected:
  std::uint16_t port() const {
    std::uint16_t number = 0;
    std::memcpy(&number, offer_.blob.data(), sizeof number);
    return number;
  }
  Fd knock() const { return transport::connect_to("127.0.0.1", port(), deadline_in(patience)); }
  Fd enter() const {
    return transport::enter("127.0.0.1", offer_, ticket(1), deadline_in(patience));
  }

  static bool send(const Fd& socket, std::span<const std::byte> bytes) {
    return transport::send_all(socket.get(), bytes, deadline_in(patience));
  }
  template <class T>
  static bool send_value(const Fd& socket, const T& value) {
    return send(socket, std::as_bytes(std::span(&value, 1)));
  }
  /// All that comes until the connection ends.
  static std::vector<std::byte> rest_of(const Fd& socket) {
    std::vector<std::byte> all;
    std::byte one{};
    while (transport::receive_all(socket.get(), std::span(&one, 1), deadline_in(patience))) {
      all.push_back(one);
    }
    return all;
  }

  void expect_serves_others() {
    Landing landing(4'096);
    const auto client = fabric("tcp").make_client();
    client->register_memory(landing.memory());
    const PeerId peer = client->connect("127.0.0.1", offer_, ticket(1), patience);
    const std::array reads = {Read{77, landing.slot(1'000), 1}};
    EXPECT_EQ(read_all(*client, peer, reads)[0].status, ReadStatus::ok);
    EXPECT_TRUE(holds_pool(reads[0].into, 1, 77));
  }

  std::unique_ptr<FabricServer> server_ = fabric("tcp").make_server(shared_pool(), ServerOptions{});
  PoolOffer offer_ = server_->admit(ticket(1));
};

constexpr std::size_t greeting_bytes = 40;

TEST_F(Door, StrangersGetAGreetingAndNothingElse) {
  Random random(5);
  for (int round = 0; round < 20; ++round) {
    const Fd socket = knock();
    std::vector<std::byte> noise(80 + random.below(100));
    for (std::byte& value : noise) value = static_cast<std::byte>(random.below(256));
    send(socket, noise);
    EXPECT_LE(rest_of(socket).size(), greeting_bytes);
  }
  expect_serves_others();
}

TEST_F(Door, TheRightSessionWithoutItsProofGetsNothing) {
  const Fd socket = knock();
  std::array<std::byte, 80> claim{};
  std::memcpy(claim.data(), offer_.blob.data() + 2, 16);
  ASSERT_TRUE(send(socket, claim));
  EXPECT_EQ(rest_of(socket).size(), greeting_bytes);
  expect_serves_others();
}

TEST_F(Door, RequestsBeforeTheProofAreNotServed) {
  const Fd socket = knock();
  const std::array<tcp::Request, 8> requests = {tcp::Request{0, 1'000, 0}};
  send_value(socket, requests);
  EXPECT_LE(rest_of(socket).size(), greeting_bytes);
  expect_serves_others();
}

TEST_F(Door, ManySilentStrangersKeepNobodyOutForEver) {
  std::vector<Fd> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(knock());
  silent.clear();
  const auto give_up = std::chrono::steady_clock::now() + patience;
  bool served = false;
  while (!served && std::chrono::steady_clock::now() < give_up) {
    try {
      enter();
      served = true;
    } catch (const std::runtime_error&) {
      std::this_thread::yield();  // the last of the strangers are still being shown out
    }
  }
  EXPECT_TRUE(served);
  expect_serves_others();
}

TEST_F(Door, AStrangersCrowdThatStaysKeepsNobodyOut) {
  std::vector<Fd> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(knock());
  expect_serves_others();
  EXPECT_LE(rest_of(silent.front()).size(), greeting_bytes) << "the oldest is shown out";
}

TEST_F(Door, AnImpostorIsFoundOutByTheClient) {
  const Fd listener = transport::listen_on("127.0.0.1", 0);
  std::thread impostor([&] {
    ASSERT_TRUE(transport::wait_for(listener.get(), POLLIN, deadline_in(patience)));
    const Fd socket(::accept(listener.get(), nullptr, nullptr));
    const Fd real = knock();  // hands on the greeting of the node that it poses as
    std::array<std::byte, greeting_bytes> greeting{};
    std::array<std::byte, 80> claim{};
    ASSERT_TRUE(transport::receive_all(real.get(), greeting, deadline_in(patience)));
    ASSERT_TRUE(send(socket, greeting));
    ASSERT_TRUE(transport::receive_all(socket.get(), claim, deadline_in(patience)));
    const std::array<std::byte, 32> guess{};
    ASSERT_TRUE(send(socket, guess));
    rest_of(socket);
  });
  PoolOffer offer = offer_;
  const std::uint16_t elsewhere = transport::local_port(listener);
  std::memcpy(offer.blob.data(), &elsewhere, sizeof elsewhere);
  EXPECT_THROW(transport::enter("127.0.0.1", offer, ticket(1), deadline_in(patience)),
               std::runtime_error);
  impostor.join();
}

TEST_F(Door, ASilentListenerIsGivenUpInTime) {
  const Fd listener = transport::listen_on("127.0.0.1", 0);
  PoolOffer offer = offer_;
  const std::uint16_t elsewhere = transport::local_port(listener);
  std::memcpy(offer.blob.data(), &elsewhere, sizeof elsewhere);
  const Nanoseconds short_limit = std::chrono::milliseconds{20};
  EXPECT_THROW(transport::enter("127.0.0.1", offer, ticket(1), deadline_in(short_limit)),
               std::runtime_error);
}

TEST_F(Door, AWrongRequestNumberEndsThatConnection) {
  const Fd socket = enter();
  ASSERT_TRUE(send_value(socket, tcp::Request{0, 8, 1}));
  EXPECT_TRUE(rest_of(socket).empty());
  expect_serves_others();
}

TEST_F(Door, ARequestInBytesAndPiecesIsPutTogether) {
  const Fd socket = enter();
  const std::array requests = {tcp::Request{3, 8, 0}, tcp::Request{4, 2, 1}};
  const auto bytes = std::as_bytes(std::span(requests));
  for (const std::byte& one : bytes) ASSERT_TRUE(send(socket, std::span(&one, 1)));
  std::array<std::byte, 2 * sizeof(tcp::Reply) + 10> answer{};
  ASSERT_TRUE(transport::receive_all(socket.get(), answer, deadline_in(patience)));
  EXPECT_TRUE(holds_pool(std::span(answer).subspan(sizeof(tcp::Reply), 8), 1, 3));
  EXPECT_TRUE(holds_pool(std::span(answer).last(2), 1, 4));
}

TEST_F(Door, RandomRequestsAreAnsweredOrEndThatConnection) {
  Random random(9);
  for (int round = 0; round < 30; ++round) {
    const Fd socket = enter();
    std::vector<std::byte> noise(24 * (1 + random.below(6)));
    for (std::byte& value : noise) value = static_cast<std::byte>(random.below(256));
    send(socket, noise);
    ::shutdown(socket.get(), SHUT_WR);
    EXPECT_LE(rest_of(socket).size(), sizeof(tcp::Reply));
  }
  expect_serves_others();
}

/// A node that holds the ticket and answers two requests with `answer`.
std::vector<ReadDone> read_from_a_liar(std::span<const std::byte> answer, Landing& landing) {
  transport::SessionListener liar(
      "127.0.0.1", 0, [&](transport::Connection& connection, const transport::SessionId&) {
        std::array<std::byte, 2 * sizeof(tcp::Request)> requests{};
        if (!connection.receive_before(requests, deadline_in(patience))) return;
        connection.send_before(answer, deadline_in(patience));
        connection.finish();
      });
  const auto client = fabric("tcp").make_client();
  client->register_memory(landing.memory());
  const PeerId peer =
      client->connect("127.0.0.1", {"tcp", liar.admit(ticket(1))}, ticket(1), patience);
  const std::array reads = {Read{0, landing.slot(16), 1}, Read{16, landing.slot(16), 2}};
  auto done = read_all(*client, peer, reads);
  client->disconnect(peer);
  return done;
}

TEST(LyingNode, IsGivenUpAndNothingItSaysIsBelieved) {
  struct Lie {
    const char* what;
    tcp::Reply reply;
    ReadStatus first;
  };
  for (const Lie& lie :
       {Lie{"another number", {tcp::Reply::ok, 0, 1, 16}, ReadStatus::peer_gone},
        Lie{"another length", {tcp::Reply::ok, 0, 0, 17}, ReadStatus::peer_gone},
        Lie{"no length", {tcp::Reply::ok, 0, 0, 0}, ReadStatus::peer_gone},
        Lie{"no status", {0, 0, 0, 16}, ReadStatus::peer_gone},
        Lie{"bytes refused", {tcp::Reply::refused, 0, 0, 16}, ReadStatus::peer_gone},
        Lie{"a refusal", {tcp::Reply::refused, 0, 0, 0}, ReadStatus::refused},
        Lie{"an honest half", {tcp::Reply::ok, 0, 0, 16}, ReadStatus::ok}}) {
    SCOPED_TRACE(lie.what);
    std::vector<std::byte> answer(sizeof lie.reply + 16 + sizeof lie.reply - 1);
    std::memcpy(answer.data(), &lie.reply, sizeof lie.reply);
    Landing landing(4'096);
    const auto done = read_from_a_liar(answer, landing);
    ASSERT_EQ(done.size(), 2U);
    EXPECT_EQ(done[0].status, lie.first) << name_of(done[0].status);
    EXPECT_EQ(done[1].status,
              lie.first == ReadStatus::ok ? ReadStatus::peer_gone : ReadStatus::flushed);
    EXPECT_TRUE(landing.canaries_live());
  }
}

TEST(LyingNode, SaysNothingUnasked) {
  transport::SessionListener liar(
      "127.0.0.1", 0, [&](transport::Connection& connection, const transport::SessionId&) {
        connection.send_before(std::array<std::byte, 5>{}, deadline_in(patience));
        connection.finish();
      });
  Landing landing(4'096);
  const auto client = fabric("tcp").make_client();
  client->register_memory(landing.memory());
  const PeerId peer =
      client->connect("127.0.0.1", {"tcp", liar.admit(ticket(1))}, ticket(1), patience);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  std::array<ReadDone, 1> none;
  pollfd watched{client->wait_fd(), POLLIN, 0};
  while (::poll(&watched, 1, 10) == 0 && std::chrono::steady_clock::now() < give_up) {
  }
  EXPECT_EQ(client->poll(none), 0U);
  EXPECT_EQ(::poll(&watched, 1, 0), 0) << "the connection is closed, not heard again and again";
  const std::array reads = {Read{0, landing.slot(16), 1}};
  EXPECT_EQ(read_all(*client, peer, reads)[0].status, ReadStatus::peer_gone);
  EXPECT_TRUE(Landing::is_blank(reads[0].into));
}

TEST(SlowNode, AnswersThatComeInPartsArePutTogether) {
  constexpr std::size_t size = 16;
  constexpr std::size_t whole = sizeof(tcp::Reply) + size;
  // What a node answers to three reads of the first bytes of the pool, cut in two anywhere.
  std::vector<std::byte> answer(3 * whole);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const tcp::Reply reply{tcp::Reply::ok, 0, i, size};
    std::memcpy(answer.data() + i * whole, &reply, sizeof reply);
    std::memcpy(answer.data() + i * whole + sizeof reply, shared_pool().data(), size);
  }
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    SCOPED_TRACE(cut);
    std::binary_semaphore go_on{0};
    transport::SessionListener slow(
        "127.0.0.1", 0, [&](transport::Connection& connection, const transport::SessionId&) {
          const auto soon = deadline_in(patience);
          connection.send_before(std::span(answer).first(cut), soon);
          go_on.acquire();
          connection.send_before(std::span(answer).subspan(cut), soon);
          connection.finish();
        });
    Landing landing(4'096);
    const auto client = fabric("tcp").make_client();
    client->register_memory(landing.memory());
    const PeerId peer =
        client->connect("127.0.0.1", {"tcp", slow.admit(ticket(1))}, ticket(1), patience);
    const std::array reads = {Read{0, landing.slot(size), 1}, Read{0, landing.slot(size), 2},
                              Read{0, landing.slot(size), 3}};
    std::vector<ReadDone> done;
    post_all(*client, peer, reads, done);
    await(*client, cut / whole, done);
    client->wait(std::chrono::milliseconds{2});  // the beginning of one more comes, if at all now
    std::array<ReadDone, 3> none;
    EXPECT_EQ(client->poll(none), 0U);
    go_on.release();
    await(*client, 3, done);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(done.at(i).status, ReadStatus::ok);
      EXPECT_TRUE(holds_pool(reads[i].into, 1, 0));
    }
    client->disconnect(peer);
    EXPECT_TRUE(landing.canaries_live());
  }
}

TEST(Listening, SaysWhatIsWrongAndWhatToDo) {
  const auto error_of = [](const std::string& host, std::uint16_t port) -> std::string {
    try {
      transport::listen_on(host, port);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  };
  const Fd taken = transport::listen_on("127.0.0.1", 0);
  const std::uint16_t port = transport::local_port(taken);
  EXPECT_EQ(error_of("127.0.0.1", port),
            "cannot listen on 127.0.0.1 port " + std::to_string(port) +
                ": Address already in use; choose another port, or 0 for any that is free");
  EXPECT_EQ(error_of("192.0.2.1", 0),
            "cannot listen on 192.0.2.1 port 0: Cannot assign requested address; bind to an "
            "address of this machine that you may use");
  EXPECT_EQ(error_of("no such host", 0).find("\"no such host\" is no address or known name: "), 0U);
}

}  // namespace
}  // namespace calvo::realrun
