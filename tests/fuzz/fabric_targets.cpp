#include "tests/fuzz/fabric_targets.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "realrun/fabrics/ofi_protocol.hpp"
#include "realrun/fabrics/verbs_claim.hpp"
#include "realrun/wire/bytes.hpp"

namespace calvo::realrun::fuzz {
namespace {

bool may_be_shown(const std::string& text) {
  return printable(text) == text;
}

bool begins_with(std::span<const std::byte> bytes, const Bytestring& with) {
  return bytes.size() >= with.size() && std::equal(with.begin(), with.end(), bytes.begin());
}

void verbs_door(std::span<const std::byte> bytes) {
  try {
    const verbs::Door door = verbs::read_door({"verbs", {bytes.begin(), bytes.end()}});
    const Bytestring again = verbs::write_door(door);
    must_hold(may_be_shown(door.address), "a harmless address");
    must_hold(again.size() == bytes.size(), "nothing is left over");
  } catch (const std::runtime_error& error) {  // most are
    must_hold(may_be_shown(error.what()), "a harmless error");
  }
}

void verbs_claim(std::span<const std::byte> bytes) {
  const auto claim = verbs::read_claim(bytes);
  if (!claim) return;
  must_hold(begins_with(bytes, verbs::write_claim(*claim)), "a claim is encoded in one way only");
  must_hold(verbs::Session(Ticket{}).accept(*claim, 1) == verbs::Refusal::ticket,
            "nobody can make up a proof");
}

const verbs::Claim& claim_of_ours() {
  static const verbs::Claim claim{7, {std::byte{1}}, {std::byte{2}}};
  return claim;
}

void verbs_grant(std::span<const std::byte> bytes) {
  if (const auto grant = verbs::read_grant(bytes, claim_of_ours(), Ticket{})) {
    must_hold(begins_with(bytes, verbs::write_grant(*grant, claim_of_ours(), Ticket{})),
              "a grant is believed from who holds the ticket only");
  }
}

/// What Hello and Welcome begin with. A provider reads a name for its size, or up to a NUL.
void ofi_hello(std::span<const std::byte> bytes) {
  ofi::Hello hello;
  std::memcpy(&hello, bytes.data(), std::min(bytes.size(), sizeof hello));
  must_hold(ofi::provider_in(hello.provider).size() <= hello.provider.size(), "a provider's name");
  const auto name = hello.endpoint.view();
  if (name.empty()) return;
  must_hold(
      name.data() == hello.endpoint.bytes.data() && name.size() < hello.endpoint.bytes.size() &&
          std::strlen(reinterpret_cast<const char*>(name.data())) < hello.endpoint.bytes.size(),
      "a name ends where it lies");
  const auto again = ofi::EndpointName::of(name);
  must_hold(std::equal(name.begin(), name.end(), again.view().begin(), again.view().end()),
            "a name goes on as it came");
}

/// The first byte chooses the record.
void fabric_records(std::span<const std::byte> bytes) {
  constexpr std::array decoders = {verbs_door, verbs_claim, verbs_grant, ofi_hello};
  if (bytes.empty()) return;
  decoders[std::to_integer<std::size_t>(bytes[0]) % decoders.size()](bytes.subspan(1));
}

Bytestring chosen_by(int first, std::span<const std::byte> record) {
  Bytestring bytes(1 + record.size());
  bytes[0] = static_cast<std::byte>(first);
  std::ranges::copy(record, bytes.begin() + 1);
  return bytes;
}

std::vector<Bytestring> fabric_seeds() {
  ofi::Hello hello;
  hello.provider = ofi::provider_field("shm");
  hello.endpoint = ofi::EndpointName::of(std::as_bytes(std::span("fi_shm://1:2")));
  const verbs::Grant grant{0x7f00'0000'1000, 1 << 20, 42};
  return {chosen_by(0, verbs::write_door({"10.0.0.1", 4791, 7})),
          chosen_by(1, verbs::write_claim(claim_of_ours())),
          chosen_by(2, verbs::write_grant(grant, claim_of_ours(), Ticket{})),
          chosen_by(3, std::as_bytes(std::span(&hello, 1)))};
}

}  // namespace

std::vector<Target> fabric_targets() {
  return {{"fabric_records", fabric_records, fabric_seeds}};
}

}  // namespace calvo::realrun::fuzz
