// What engines ask storage nodes, and what these answer, once hands are shaken. Each decoder gives
// nothing unless the bytes are exactly one message within its bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/request.hpp"
#include "realrun/wire/bytes.hpp"
#include "realrun/wire/frame.hpp"

namespace calvo::realrun {

/// At least one block, at most most_blocks_of_run, and no name beyond the last.
bool is_valid_run(BlockRun run);

/// How many leading blocks of each run are stored? One answer for each.
struct LookupCall {
  std::vector<BlockRun> runs;
};
struct LookupAnswer {
  std::vector<std::int32_t> counts;
};

/// Pins the leading stored blocks.
struct LeaseCall {
  BlockRun run;
};
struct LeaseAnswer {
  std::uint64_t lease = 0;
  std::vector<std::uint64_t> slots;
};

struct ReleaseCall {
  std::uint64_t lease = 0;
};

/// Answered by StoreWanted. The blocks that are wanted follow in order, as one StoreBlock each with
/// the same tag; other calls may come between them, no other store.
struct StoreBegin {
  BlockRun run;
};
/// What the node has not and has room for. If nothing, StoreAnswer follows at once.
struct StoreWanted {
  struct Range {
    std::int32_t from = 0;  ///< in the run
    std::int32_t count = 0;

    friend bool operator==(const Range&, const Range&) = default;
  };
  std::vector<Range> ranges;  ///< in order, apart from each other
};
struct StoreBlock {
  std::uint32_t index = 0;  ///< in the run
  std::span<const std::byte> bytes;
};
struct StoreAnswer {
  std::int32_t blocks = 0;   ///< leading blocks of the run that are stored
  std::int32_t written = 0;  ///< blocks that this store has brought
  std::string text;          ///< why not all of them
};

struct RefusedAnswer {
  std::string text;
};

void append(Bytestring& out, std::uint64_t tag, std::span<const BlockRun> lookup);
void append(Bytestring& out, std::uint64_t tag, const LookupAnswer& message);
void append(Bytestring& out, std::uint64_t tag, const LeaseCall& message);
void append(Bytestring& out, std::uint64_t tag, const LeaseAnswer& message);
void append(Bytestring& out, std::uint64_t tag, const ReleaseCall& message);
void append(Bytestring& out, std::uint64_t tag, const StoreBegin& message);
void append(Bytestring& out, std::uint64_t tag, const StoreWanted& message);
void append(Bytestring& out, std::uint64_t tag, const StoreBlock& message);
void append(Bytestring& out, std::uint64_t tag, const StoreAnswer& message);
void append(Bytestring& out, std::uint64_t tag, const RefusedAnswer& message);

std::optional<LookupCall> decode_lookup(std::span<const std::byte> payload);
std::optional<LookupAnswer> decode_lookup_answer(std::span<const std::byte> payload);
std::optional<LeaseCall> decode_lease(std::span<const std::byte> payload);
std::optional<LeaseAnswer> decode_lease_answer(std::span<const std::byte> payload);
std::optional<ReleaseCall> decode_release(std::span<const std::byte> payload);
std::optional<StoreBegin> decode_store_begin(std::span<const std::byte> payload);
std::optional<StoreWanted> decode_store_wanted(std::span<const std::byte> payload);
/// The bytes are a view of the payload.
std::optional<StoreBlock> decode_store_block(std::span<const std::byte> payload);
std::optional<StoreAnswer> decode_store_answer(std::span<const std::byte> payload);
std::optional<RefusedAnswer> decode_refused(std::span<const std::byte> payload);

/// What a node says of itself to an engine that has proved the key: the body of `welcome`.
struct WelcomeBody {
  struct Offer {
    std::string fabric;
    Bytestring blob;  ///< at most 4 KiB

    friend bool operator==(const Offer&, const Offer&) = default;
  };
  std::int64_t capacity_blocks = 0;
  std::int64_t stored_blocks = 0;
  std::int64_t slot_stride = 0;
  std::uint64_t pool_bytes = 0;
  std::int32_t index = -1;           ///< among the storage nodes of its scenario; -1: it has none
  std::uint64_t preloaded = 0;       ///< digest_of() what it was filled with
  std::uint64_t written_blocks = 0;  ///< by engines, since it started
  std::byte ticket[32] = {};
  std::vector<Offer> offers;  ///< at most 8
};

/// Of the names of blocks, in this order.
std::uint64_t digest_of(std::span<const BlockRun> runs);

void encode(const WelcomeBody& body, Bytestring& out);
std::optional<WelcomeBody> decode_welcome_body(std::span<const std::byte> bytes);

}  // namespace calvo::realrun
