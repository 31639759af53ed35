#include "realrun/wire/crypto.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "realrun/wire/bytes.hpp"

namespace calvo::realrun {
namespace {

Bytestring bytes_of(std::string_view text) {
  Bytestring bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

std::string hex(const Digest& digest) {
  std::string text;
  for (const std::byte b : digest) {
    for (const unsigned nibble :
         {std::to_integer<unsigned>(b) >> 4U, std::to_integer<unsigned>(b) & 15U}) {
      text.push_back("0123456789abcdef"[nibble]);
    }
  }
  return text;
}

// FIPS 180-2, appendix B.1; RFC 4231, test case 2.
TEST(Crypto, GivesThePublishedResults) {
  EXPECT_EQ(hex(sha256(bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Crypto, ComparesWholeDigests) {
  const Digest digest = sha256(bytes_of("x"));
  EXPECT_TRUE(equal_in_constant_time(digest, digest));
  for (std::size_t i = 0; i < digest.size(); ++i) {
    Digest other = digest;
    other[i] ^= std::byte{1};
    EXPECT_FALSE(equal_in_constant_time(digest, other)) << i;
  }
}

TEST(Crypto, RandomBytesDiffer) {
  Digest a{};
  Digest b{};
  random_bytes(a);
  random_bytes(b);
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace calvo::realrun
