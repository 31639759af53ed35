// What an engine and its storage nodes must agree on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "realrun/wire/bytes.hpp"

namespace calvo::realrun {

/// What both sides must agree on; a connection between two that differ is refused, by name of the
/// field.
struct NodeConfig {
  std::int64_t block_bytes = 0;  ///< payload of a block
  std::int32_t block_tokens = 0;
  std::string model;             ///< name of the model shape
  std::uint64_t model_seed = 0;  ///< weights and token ids derive from it

  /// SHA-256 over all of it and the version of the protocol.
  std::array<std::byte, 32> digest() const;
  /// First 8 bytes of the digest: BlockTrailer::config.
  std::uint64_t digest_word() const;

  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

void encode(const NodeConfig& config, Bytestring& out);
/// Nothing if the bytes are not exactly one configuration.
std::optional<NodeConfig> decode_config(std::span<const std::byte> bytes);

/// Each field that differs, "block_tokens is 16 there and 256 here", joined by commas.
std::string differences(const NodeConfig& here, const NodeConfig& there);

}  // namespace calvo::realrun
