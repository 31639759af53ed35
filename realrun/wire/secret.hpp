// The key that engines and storage nodes share.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "realrun/wire/bytes.hpp"

namespace calvo::realrun {

inline constexpr std::size_t fewest_key_bytes = 16;
inline constexpr std::size_t most_key_bytes = 4096;

/// What the file holds, all of it, as it is. Throws InputError: no such file, fewer than 16 bytes,
/// more than 4 KiB, or readable by others than its owner and group.
Bytestring read_key_file(const std::string& path);

/// Makes a key of 32 bytes from the system's random numbers; only the owner can read the file.
/// Throws InputError if it exists or cannot be written.
void make_key_file(const std::string& path);

/// Not a secret: stands in where both ends are on this machine and no key is given.
Bytestring loopback_key();

/// Whether `host`, a name or an address, means this machine only.
bool is_loopback(std::string_view host);

}  // namespace calvo::realrun
