// The little cryptography that the handshake needs, from OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace calvo::realrun {

using Digest = std::array<std::byte, 32>;

Digest sha256(std::span<const std::byte> data);

/// Requires: a key.
Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> data);

/// Takes as long for equal digests as for different ones.
bool equal_in_constant_time(const Digest& a, const Digest& b);

/// From the system's generator. Throws std::runtime_error if it has none to give.
void random_bytes(std::span<std::byte> out);

}  // namespace calvo::realrun
