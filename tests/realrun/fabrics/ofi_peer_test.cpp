// Peers of the ofi fabric that hold the ticket and yet say of themselves what makes no sense.
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "harness.hpp"
#include "realrun/fabrics/ofi_protocol.hpp"
#include "realrun/fabrics/session.hpp"

namespace calvo::realrun::ofi {
namespace {

using transport::Connection;
using transport::deadline_in;
using transport::Fd;
using transport::SessionId;

template <class T>
std::span<std::byte> writable(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

struct Malformed {
  const char* what;
  EndpointName name;
};
std::vector<Malformed> malformed_names() {
  EndpointName endless;
  endless.size = 8;
  endless.bytes.fill(std::byte{'a'});
  EndpointName whole = endless;
  whole.size = 1020;
  EndpointName zeros;
  zeros.size = 1020;
  EndpointName longer;
  longer.size = 1021;
  EndpointName longest;
  longest.size = 0xffff'ffff;
  return {{"no name", {}},       {"no end", endless},       {"1020 bytes", whole},
          {"1020 zeros", zeros}, {"more than fit", longer}, {"as many as can be said", longest}};
}

TEST(OfiEndpointName, ComesBackWhole) {
  const std::vector<std::byte> name(1019, std::byte{'a'});
  const EndpointName sent = EndpointName::of(name);
  EXPECT_TRUE(std::ranges::equal(sent.view(), name));
}

TEST(OfiEndpointName, ThatDoesNotFitWithItsEndIsRefused) {
  for (const std::size_t size : {0U, 1020U, 1021U}) {
    EXPECT_THROW(EndpointName::of(std::vector<std::byte>(size)), std::runtime_error) << size;
  }
}

TEST(OfiEndpointName, ThatMakesNoSenseIsEmpty) {
  for (const auto& [what, name] : malformed_names()) EXPECT_TRUE(name.view().empty()) << what;
}

std::vector<std::string> ofi_fabrics() {
  std::vector<std::string> names = fabrics_to_test();
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("ofi"); });
  return names;
}

/// A client's side of the door, by hand.
struct ByHand {
  ByHand(const std::string& host, const PoolOffer& offer)
      : socket(transport::enter(host, offer, ticket(1), deadline_in(patience))) {}

  void say(Hello hello) const {
    EXPECT_TRUE(transport::send_all(socket.get(), writable(hello), deadline_in(patience)));
  }
  /// True if the connection ends without a word more.
  bool ends() const {
    std::byte more{};
    return transport::wait_for(socket.get(), POLLIN, deadline_in(patience)) &&
           ::recv(socket.get(), &more, 1, MSG_DONTWAIT) <= 0;
  }

  Fd socket;
};

TEST(OfiServer, EndsTheConnectionOfAClientWithoutAnAddressAndNoOther) {
  const auto names = ofi_fabrics();
  if (names.empty()) GTEST_SKIP() << "no ofi fabric here";
  for (const std::string& name : names) {
    const std::string address = bind_address(name);
    const auto server = fabric(name).make_server(shared_pool(), ServerOptions{address});
    const PoolOffer offer = server->admit(ticket(1));
    const ByHand asking(address, offer);
    asking.say({});
    Welcome other;  // names the server's provider to who has another
    ASSERT_TRUE(
        transport::receive_all(asking.socket.get(), writable(other), deadline_in(patience)));
    for (const auto& [what, endpoint] : malformed_names()) {
      SCOPED_TRACE(name + ", " + what);
      const ByHand client(address, offer);
      client.say({other.provider, endpoint});
      EXPECT_TRUE(client.ends());
    }
    Landing landing(4'096);
    const auto client = fabric(name).make_client();
    client->register_memory(landing.memory());
    const PeerId peer = client->connect(address, offer, ticket(1), patience);
    client->disconnect(peer);
  }
}

/// What a client says of a node that answers with `answer`, its provider in place of an empty one.
std::string error_of(const std::string& name, const Welcome& answer) {
  transport::SessionListener liar(
      bind_address(name), 0, [&](Connection& connection, const SessionId&) {
        Hello hello;
        if (!connection.receive_before(writable(hello), deadline_in(patience))) return;
        Welcome welcome = answer;
        if (provider_in(answer.provider).empty()) welcome.provider = hello.provider;
        if (connection.send_before(writable(welcome), deadline_in(patience))) connection.finish();
      });
  Landing landing(4'096);
  const auto client = fabric(name).make_client();
  client->register_memory(landing.memory());
  try {
    client->connect(bind_address(name), {name, liar.admit(ticket(1))}, ticket(1), patience);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(OfiClient, SaysThatANodeGivesNoAddress) {
  const auto names = ofi_fabrics();
  if (names.empty()) GTEST_SKIP() << "no ofi fabric here";
  for (const std::string& name : names) {
    for (const auto& [what, endpoint] : malformed_names()) {
      Welcome welcome;
      welcome.endpoint = endpoint;
      EXPECT_EQ(error_of(name, welcome), "libfabric: the peer gives no address")
          << name << ", " << what;
    }
  }
}

TEST(OfiClient, KeepsTheNameOfANodesProviderFromWritingToATerminal) {
  const auto names = ofi_fabrics();
  if (names.empty()) GTEST_SKIP() << "no ofi fabric here";
  Welcome welcome;
  welcome.provider = provider_field("\x1b[2Jefa\xff");
  const std::string error = error_of(names.front(), welcome);
  EXPECT_EQ(error.find("the storage node uses libfabric's provider \"?[2Jefa?\", this side \""), 0U)
      << error;
}

}  // namespace
}  // namespace calvo::realrun::ofi
