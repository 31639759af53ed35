#include "realrun/fabrics/verbs_claim.hpp"

#include <stdexcept>

#include <fmt/format.h>

namespace calvo::realrun::verbs {
namespace {

constexpr std::uint32_t magic = 0x31767263;  // "crv1"

Digest client_proof(const Claim& claim, const Ticket& ticket, QueuePairNumber queue_pair) {
  Bytestring text;
  ByteWriter writer(text);
  writer.text("client");
  writer.number(claim.session);
  writer.raw(claim.nonce);
  writer.number(queue_pair);
  return hmac_sha256(ticket.bytes, text);
}

Digest server_proof(const Grant& grant, const Claim& claim, const Ticket& ticket) {
  Bytestring text;
  ByteWriter writer(text);
  writer.text("server");
  writer.number(claim.session);
  writer.raw(claim.nonce);
  writer.number(grant.address);
  writer.number(grant.length);
  writer.number(grant.key);
  return hmac_sha256(ticket.bytes, text);
}

}  // namespace

Bytestring write_door(const Door& door) {
  Bytestring blob;
  ByteWriter writer(blob);
  writer.number(magic);
  writer.number(door.port);
  writer.number(door.session);
  writer.text(door.address);
  return blob;
}

Door read_door(const PoolOffer& offer) {
  ByteReader reader(offer.blob);
  const bool ours = reader.number<std::uint32_t>() == magic;
  Door door;
  door.port = reader.number<std::uint16_t>();
  door.session = reader.number<std::uint64_t>();
  door.address = printable(reader.text());
  if (!ours || !reader.complete()) {
    throw std::runtime_error(fmt::format(
        "the offer of fabric \"{}\" is of another version; both sides must run the same",
        printable(offer.fabric)));
  }
  return door;
}

Claim make_claim(SessionNumber session, const Ticket& ticket, QueuePairNumber queue_pair) {
  Claim claim;
  claim.session = session;
  random_bytes(claim.nonce);
  claim.proof = client_proof(claim, ticket, queue_pair);
  return claim;
}

Bytestring write_claim(const Claim& claim) {
  Bytestring bytes;
  ByteWriter writer(bytes);
  writer.number(magic);
  writer.number(claim.session);
  writer.raw(claim.nonce);
  writer.raw(claim.proof);
  return bytes;
}

std::optional<Claim> read_claim(std::span<const std::byte> bytes) {
  constexpr std::size_t size = 56;
  if (bytes.size() < size) return std::nullopt;
  ByteReader reader(bytes.first(size));
  const bool ours = reader.number<std::uint32_t>() == magic;
  Claim claim;
  claim.session = reader.number<std::uint64_t>();
  reader.raw_into(claim.nonce);
  reader.raw_into(claim.proof);
  if (!ours || !reader.complete()) return std::nullopt;
  return claim;
}

Bytestring write_grant(const Grant& grant, const Claim& claim, const Ticket& ticket) {
  Bytestring bytes;
  ByteWriter writer(bytes);
  writer.number(magic);
  writer.number(grant.address);
  writer.number(grant.length);
  writer.number(grant.key);
  writer.raw(server_proof(grant, claim, ticket));
  return bytes;
}

std::optional<Grant> read_grant(std::span<const std::byte> bytes, const Claim& claim,
                                const Ticket& ticket) {
  constexpr std::size_t size = 56;
  if (bytes.size() < size) return std::nullopt;
  ByteReader reader(bytes.first(size));
  const bool ours = reader.number<std::uint32_t>() == magic;
  Grant grant;
  grant.address = reader.number<std::uint64_t>();
  grant.length = reader.number<std::uint64_t>();
  grant.key = reader.number<std::uint32_t>();
  Digest proof;
  reader.raw_into(proof);
  if (!ours || !reader.complete() ||
      !equal_in_constant_time(proof, server_proof(grant, claim, ticket))) {
    return std::nullopt;
  }
  return grant;
}

std::string_view explanation(Refusal refusal) {
  switch (refusal) {
    case Refusal::none:
      return "nothing is wrong";
    case Refusal::malformed:
      return "it does not understand the request; both sides must run the same version";
    case Refusal::ticket:
      return "it does not take the ticket; it was revoked, or belongs to another";
    case Refusal::used:
      return "the claim was used before; somebody may be replaying it";
    case Refusal::exhausted:
      return "the ticket has opened too many connections; open a new control connection";
    case Refusal::resources:
      return "it could not register its pool for one more connection; raise its limit of locked "
             "memory (ulimit -l)";
  }
  return "for a reason that this version does not know";
}

Refusal Session::accept(const Claim& claim, QueuePairNumber queue_pair) {
  if (!equal_in_constant_time(claim.proof, client_proof(claim, ticket_, queue_pair))) {
    return Refusal::ticket;
  }
  if (used_.size() >= most_connections) return Refusal::exhausted;
  return used_.insert(claim.nonce).second ? Refusal::none : Refusal::used;
}

}  // namespace calvo::realrun::verbs
