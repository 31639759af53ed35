#include "realrun/wire/node_config.hpp"

#include <fmt/format.h>

#include "realrun/wire/crypto.hpp"
#include "realrun/wire/frame.hpp"

namespace calvo::realrun {

std::array<std::byte, 32> NodeConfig::digest() const {
  Bytestring bytes;
  ByteWriter(bytes).number(protocol_version);
  encode(*this, bytes);
  return sha256(bytes);
}

std::uint64_t NodeConfig::digest_word() const {
  const Digest whole = digest();
  return ByteReader(whole).number<std::uint64_t>();
}

void encode(const NodeConfig& config, Bytestring& out) {
  ByteWriter writer(out);
  writer.number(config.block_bytes);
  writer.number(config.block_tokens);
  writer.number(config.model_seed);
  writer.text(config.model);
}

std::optional<NodeConfig> decode_config(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  NodeConfig config;
  config.block_bytes = reader.number<std::int64_t>();
  config.block_tokens = reader.number<std::int32_t>();
  config.model_seed = reader.number<std::uint64_t>();
  config.model = reader.text();
  if (!reader.complete()) return std::nullopt;
  return config;
}

std::string differences(const NodeConfig& here, const NodeConfig& there) {
  std::string all;
  const auto compare = [&](std::string_view field, const auto& ours, const auto& theirs) {
    if (ours == theirs) return;
    all +=
        fmt::format("{}{} is {} there and {} here", all.empty() ? "" : ", ", field, theirs, ours);
  };
  const auto quoted = [](const std::string& text) { return "\"" + printable(text) + "\""; };
  compare("model", quoted(here.model), quoted(there.model));
  compare("block_tokens", here.block_tokens, there.block_tokens);
  compare("block_bytes", here.block_bytes, there.block_bytes);
  compare("model_seed", here.model_seed, there.model_seed);
  return all;
}

}  // namespace calvo::realrun
