#pragma once

#include <cstdint>
#include <span>

#include "kernels/bf16.hpp"

namespace calvo::kernels {

/// Where KV lies in a page: layer 0 keys, layer 0 values, layer 1 keys, ...; each
/// [block_tokens][kv_heads][head_dim] of bf16. Offsets and sizes count values, not bytes.
struct KvLayout {
  std::int32_t layers = 0;
  std::int32_t block_tokens = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;

  constexpr std::int64_t token_values() const { return std::int64_t{kv_heads} * head_dim; }
  constexpr std::int64_t plane_values() const { return block_tokens * token_values(); }
  constexpr std::int64_t page_values() const { return std::int64_t{2} * layers * plane_values(); }
  constexpr std::int64_t keys(std::int32_t layer, std::int64_t token) const {
    return std::int64_t{2} * layer * plane_values() + token * token_values();
  }
  constexpr std::int64_t values(std::int32_t layer, std::int64_t token) const {
    return keys(layer, token) + plane_values();
  }
};

/// One layer of the KV of one sequence: position p lies in pages[p / block_tokens] at token
/// p % block_tokens.
struct PagedKv {
  Bf16* pool = nullptr;  ///< [pages of the device][layout.page_values()]
  KvLayout layout;
  std::int32_t layer = 0;
  std::span<const std::int32_t> pages;

  Bf16* keys(std::int64_t position) const {
    return page(position) + layout.keys(layer, position % layout.block_tokens);
  }
  Bf16* values(std::int64_t position) const {
    return page(position) + layout.values(layer, position % layout.block_tokens);
  }

private:
  Bf16* page(std::int64_t position) const {
    return pool +
           pages[static_cast<std::size_t>(position / layout.block_tokens)] * layout.page_values();
  }
};

}  // namespace calvo::kernels
