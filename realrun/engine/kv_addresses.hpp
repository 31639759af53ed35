#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "control/instance.hpp"
#include "realrun/engine/canaries.hpp"
#include "realrun/engine/messages.hpp"
#include "realrun/engine/places.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::realrun {

/// Places that a sweep may leave idle, so that it is seldom; as many may be on their way out of a
/// tier after the books have given them to others (Write::on_evict).
std::int32_t spare_places(std::int64_t counted);

/// Those that the books count, spare ones, and those that are taken before the books give them: one
/// page for each of the sequences that decode.
std::int32_t places_for(std::int64_t counted, std::int32_t decoding);

/// Where the KV of one instance lies: pages of its device, slots of its host memory, and the page
/// table of each request. The control plane counts them; which is which is known here only.
class KvAddresses {
public:
  struct Settings {
    std::int64_t block_tokens = 0;
    std::int32_t pages = 0;
    std::int32_t slots = 0;
    BlockFormat format;
    std::int64_t stride = 0;    ///< of slots in `host`
    std::span<std::byte> host;  ///< slots x stride bytes
    bool canaries = false;
  };

  /// `books` and the memory outlive this.
  KvAddresses(const Settings& settings, const control::Instance& books);
  KvAddresses(const KvAddresses&) = delete;
  KvAddresses& operator=(const KvAddresses&) = delete;

  Places& pages() { return pages_; }
  Places& slots() { return slots_; }
  BlockSlot slot(BlockId block, std::int32_t slot) const;
  /// The slot will be written: its generation grows.
  BlockSlot fresh_slot(BlockId block, std::int32_t slot);

  /// The request's page table up to `tokens` tokens, of which the first `context` have KV: shared
  /// pages of named blocks below that where it has none of its own yet, own ones beyond.
  std::vector<std::int32_t> table(const RequestSpec& spec, std::int64_t context,
                                  std::int64_t tokens);
  /// Pages that table() would take for so many tokens. Requires: the request has a table.
  std::int64_t lacking(RequestId request, std::int64_t tokens) const;
  /// The first `tokens` tokens have KV now, and pages that lie behind are free again.
  void computed(RequestId request, std::int64_t tokens);
  std::int64_t computed(RequestId request) const;

  /// The books have given the request's leading `named` blocks their names: pages of its own become
  /// everybody's, and where a block has one already, that one is used and the own one freed.
  void share(const RequestSpec& spec, std::int32_t named);
  /// The request leaves: what it has computed and the books have kept becomes everybody's, the rest
  /// of its own is freed.
  void share_what_is_kept(const RequestSpec& spec);
  void forget(RequestId request);

  /// Requests that have pages of their own or a table.
  std::size_t requests() const { return requests_.size(); }
  /// Throws ContractViolation if something wrote where it may not. Does nothing without canaries.
  void check_canaries() const;

private:
  struct Request {
    std::vector<std::int32_t> table;
    std::vector<bool> own;
    std::int64_t computed = 0;
  };
  /// The name of the block at a position; nothing where it has none.
  static std::optional<BlockId> block_at(const RequestSpec& spec, std::int64_t position);

  Settings settings_;
  const control::Instance& books_;
  std::optional<Canaries> canaries_;
  std::vector<std::uint64_t> generations_;
  Places pages_;
  Places slots_;
  std::unordered_map<std::uint64_t, Request> requests_;
};

}  // namespace calvo::realrun
