#include "realrun/fabrics/verbs_claim.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "harness.hpp"

namespace calvo::realrun::verbs {
namespace {

constexpr SessionNumber session = 0x1234'5678'9abc'def0;
constexpr QueuePairNumber queue_pair = 0x4711;

TEST(VerbsClaim, FitsIntoAConnectionRequest) {
  EXPECT_EQ(write_claim(make_claim(session, ticket(1), queue_pair)).size(), 56U);
}

TEST(VerbsClaim, OpensOneConnection) {
  Session mine(ticket(1));
  const Claim claim = make_claim(session, ticket(1), queue_pair);
  EXPECT_EQ(mine.accept(claim, queue_pair), Refusal::none);
  EXPECT_EQ(mine.accept(claim, queue_pair), Refusal::used);
  EXPECT_EQ(mine.accept(make_claim(session, ticket(1), queue_pair), queue_pair), Refusal::none);
}

TEST(VerbsClaim, IsWorthNothingForAnotherTicketOrQueuePair) {
  Session mine(ticket(1));
  EXPECT_EQ(mine.accept(make_claim(session, ticket(2), queue_pair), queue_pair), Refusal::ticket);
  const Claim stolen = make_claim(session, ticket(1), queue_pair);
  EXPECT_EQ(mine.accept(stolen, queue_pair + 1), Refusal::ticket);
  EXPECT_EQ(mine.accept(stolen, queue_pair), Refusal::none) << "a failed theft spoils nothing";
}

TEST(VerbsClaim, SurvivesTheWireAndNoChangedBit) {
  Session mine(ticket(1));
  const Claim claim = make_claim(session, ticket(1), queue_pair);
  Bytestring bytes = write_claim(claim);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Bytestring changed = bytes;
    changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    const auto read = read_claim(changed);
    const bool other_session = read && read->session != session;  // not this one's to judge
    EXPECT_TRUE(!read || other_session || mine.accept(*read, queue_pair) == Refusal::ticket) << bit;
  }
  bytes.resize(bytes.size() + 100);  // InfiniBand fills up with zeros
  const auto read = read_claim(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->session, session);
  EXPECT_EQ(mine.accept(*read, queue_pair), Refusal::none);
}

TEST(VerbsClaim, AnythingShorterIsNone) {
  const Bytestring bytes = write_claim(make_claim(session, ticket(1), queue_pair));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_claim(std::span(bytes).first(size))) << size;
  }
}

TEST(VerbsGrant, IsBelievedFromWhoHoldsTheTicketOnly) {
  const Claim claim = make_claim(session, ticket(1), queue_pair);
  const Grant grant{0x7f00'0000'1000, 1 << 20, 42};
  const Bytestring bytes = write_grant(grant, claim, ticket(1));
  EXPECT_LE(bytes.size(), 196U) << "what an answer of InfiniBand carries";
  const auto read = read_grant(bytes, claim, ticket(1));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->address, grant.address);
  EXPECT_EQ(read->length, grant.length);
  EXPECT_EQ(read->key, grant.key);
  EXPECT_FALSE(read_grant(bytes, claim, ticket(2)));
  EXPECT_FALSE(read_grant(bytes, make_claim(session, ticket(1), queue_pair), ticket(1)))
      << "an old answer to a new claim";
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Bytestring changed = bytes;
    changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_FALSE(read_grant(changed, claim, ticket(1))) << bit;
  }
}

TEST(VerbsDoor, OfAnotherVersionIsRefused) {
  PoolOffer offer{"verbs", write_door({"10.0.0.1", 4791, session})};
  const Door door = read_door(offer);
  EXPECT_EQ(door.address, "10.0.0.1");
  EXPECT_EQ(door.port, 4791);
  EXPECT_EQ(door.session, session);
  offer.blob[0] ^= std::byte{1};
  try {
    read_door(offer);
    FAIL() << "it was read";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(),
                 "the offer of fabric \"verbs\" is of another version; both sides must run the "
                 "same");
  }
}

}  // namespace
}  // namespace calvo::realrun::verbs
