#include "realrun/wire/crypto.hpp"

#include <memory>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

unsigned char* chars_of(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}
const unsigned char* chars(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

void must(bool worked, const char* what) {
  if (!worked) throw std::runtime_error(std::string("OpenSSL cannot compute ") + what);
}

}  // namespace

Digest sha256(std::span<const std::byte> data) {
  Digest digest{};
  unsigned int size = 0;
  must(EVP_Digest(data.data(), data.size(), chars_of(digest), &size, EVP_sha256(), nullptr) == 1,
       "SHA-256");
  CALVO_ENSURE(size == digest.size());
  return digest;
}

Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> data) {
  CALVO_EXPECT(!key.empty());
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(
      EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free);
  must(mac != nullptr, "HMAC");
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(
      EVP_MAC_CTX_new(mac.get()), &EVP_MAC_CTX_free);
  must(context != nullptr, "HMAC");
  char hash[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
                                   OSSL_PARAM_construct_end()};
  Digest digest{};
  std::size_t size = 0;
  must(EVP_MAC_init(context.get(), chars(key), key.size(), parameters) == 1 &&
           EVP_MAC_update(context.get(), chars(data), data.size()) == 1 &&
           EVP_MAC_final(context.get(), chars_of(digest), &size, digest.size()) == 1,
       "HMAC-SHA256");
  CALVO_ENSURE(size == digest.size());
  return digest;
}

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void random_bytes(std::span<std::byte> out) {
  must(RAND_bytes(chars_of(out), static_cast<int>(out.size())) == 1, "random numbers");
}

}  // namespace calvo::realrun
