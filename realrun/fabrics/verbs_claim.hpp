// Who may have a key to the pool: what the two sides of a verbs connection tell each other, all of
// it inside the request and the answer of the connection manager.
//
// A connection request carries 56 bytes at most and waits for no round trip, so the server's nonce
// is in the offer, which came over the authenticated control connection, and the client's nonce is
// remembered so that a claim is good for one connection. The ticket itself never crosses the wire.
// The claim is bound to the client's queue pair: seen on the wire and sent again first, it opens
// nothing for another one. (iWARP does not tell the server which queue pair it is.)
//
//   request   magic 4, session 8, client nonce 12,
//             HMAC-SHA256(ticket, "client" session nonce queue-pair)
//   answer    magic 4, address 8, length 8, key 4,
//             HMAC-SHA256(ticket, "server" session nonce address length key)
//   refusal   reason 1
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "realrun/fabrics/fabric.hpp"
#include "realrun/wire/bytes.hpp"
#include "realrun/wire/crypto.hpp"

namespace calvo::realrun::verbs {

/// Random, so that it is the server's nonce as well: no two admissions share one.
using SessionNumber = std::uint64_t;
using ClientNonce = std::array<std::byte, 12>;
/// Zero where the connection manager does not tell it.
using QueuePairNumber = std::uint32_t;

/// What the blob of an offer says.
struct Door {
  std::string address;  ///< printable; empty: the host that the control connection goes to
  std::uint16_t port = 0;
  SessionNumber session = 0;
};
Bytestring write_door(const Door& door);
/// Throws std::runtime_error.
Door read_door(const PoolOffer& offer);

struct Claim {
  SessionNumber session = 0;
  ClientNonce nonce = {};
  Digest proof = {};
};
Claim make_claim(SessionNumber session, const Ticket& ticket, QueuePairNumber queue_pair);
Bytestring write_claim(const Claim& claim);
/// What follows the claim is ignored: some networks fill up with zeros. Nothing: not a claim.
std::optional<Claim> read_claim(std::span<const std::byte> bytes);

/// The pool as this connection, and no other, can read it.
struct Grant {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
  std::uint32_t key = 0;
};
Bytestring write_grant(const Grant& grant, const Claim& claim, const Ticket& ticket);
/// Nothing: who answers does not hold the ticket.
std::optional<Grant> read_grant(std::span<const std::byte> bytes, const Claim& claim,
                                const Ticket& ticket);

enum class Refusal : std::uint8_t { none, malformed, ticket, used, exhausted, resources };
std::string_view explanation(Refusal refusal);

/// One admission, as the server remembers it.
class Session {
public:
  explicit Session(const Ticket& ticket) : ticket_(ticket) {}

  const Ticket& ticket() const { return ticket_; }
  /// Whether this claim opens a connection now. It does so once.
  Refusal accept(const Claim& claim, QueuePairNumber queue_pair);

private:
  /// So that nobody can fill the server's memory; a fresh ticket starts at zero.
  static constexpr std::size_t most_connections = 1 << 16;

  Ticket ticket_;
  std::set<ClientNonce> used_;
};

}  // namespace calvo::realrun::verbs
