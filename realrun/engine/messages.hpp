// What the threads of a run tell each other. Addresses are in it; who owns them is not.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "control/commands.hpp"
#include "control/events.hpp"
#include "core/request.hpp"
#include "realrun/engine/parts.hpp"

namespace calvo::realrun {

/// How far a fetch is, for the copy that follows it block by block. In one order for all threads,
/// so that a bell rung after a change is not missed.
struct FetchProgress {
  std::atomic<std::int32_t> landed{0};  ///< leading blocks that are there and good
  std::atomic<bool> over{false};        ///< `landed` is final and fetch_done has been told
};

/// How far a copy is, for the step that runs layer by layer behind it.
struct CopyProgress {
  static constexpr std::int32_t all = std::numeric_limits<std::int32_t>::max();
  std::atomic<std::int32_t> layers{0};  ///< leading layers that all its blocks have
};

/// A block and its slot in host memory.
struct BlockSlot {
  BlockId block{};
  std::byte* slot = nullptr;
  std::uint64_t generation = 0;  ///< of the slot, where it is written here
};

// ---------------------------------------------------------------------------- to a rail

struct LookupOrder {
  struct Piece {
    BlockRun blocks;
    std::vector<StorageId> nodes;  ///< that may have it: one for each replica
  };
  RunId run{};
  std::int32_t from = 0;
  std::vector<Piece> pieces;  ///< in prefix order
};

struct FetchOrder {
  RunId run{};
  StorageId node{};
  std::vector<BlockSlot> blocks;
  std::shared_ptr<FetchProgress> progress;
};

struct CutOrder {
  RunId run{};
};

struct StoreOrder {
  RunId run{};
  StorageId node{};
  std::vector<BlockSlot> blocks;  ///< sealed
};

/// From the connector: the node answers again.
struct Connected {
  StorageId node{};
  std::unique_ptr<NodeLink> link;
};

struct StopOrder {};

using RailOrder = std::variant<LookupOrder, FetchOrder, CutOrder, StoreOrder, Connected, StopOrder>;

// ---------------------------------------------------------------------------- to the copy thread

struct CopyOrder {
  struct Block {
    std::int32_t page = 0;
    BlockSlot slot;
  };
  RunId run{};
  CopyDirection direction{};
  bool layer_major = false;
  std::vector<Block> blocks;
  std::shared_ptr<FetchProgress> behind;   ///< the fetch that it follows; null: all is there
  std::int32_t offset = 0;                 ///< of blocks[0] in that fetch
  std::shared_ptr<CopyProgress> progress;  ///< in: for steps gated by layers
};

using CopyThreadOrder = std::variant<CopyOrder, CutOrder, StopOrder>;

// ---------------------------------------------------------------------------- to the compute
// thread

struct StepOrder {
  struct Sequence {
    const RequestSpec* spec = nullptr;
    std::int64_t new_tokens = 0;
    std::int64_t context = 0;         ///< at the first iteration
    std::vector<std::int32_t> pages;  ///< for all iterations
    bool decode = false;              ///< its context grows with each iteration
    bool keep_logits = false;
  };
  RunId run{};
  std::int64_t iterations = 1;
  std::vector<Sequence> sequences;
  std::vector<std::shared_ptr<CopyProgress>> gates;  ///< layer l waits for layer l of all
  std::shared_ptr<std::atomic<bool>> cut;            ///< stop at the next iteration boundary
};

using ComputeOrder = std::variant<StepOrder, StopOrder>;

// ---------------------------------------------------------------------------- to the control
// thread

struct Notice {
  enum class Kind : std::uint8_t {
    event,      ///< `event` for `instance`, which has the driver's books of it
    arrival,    ///< spec, due
    rail,       ///< rail of `instance` has lost or got back event.node; event.kind says which
    complaint,  ///< `text` for whoever started the run
    failure,    ///< a thread has ended by an exception
  };
  Kind kind{};
  std::uint32_t instance = 0;
  std::uint32_t rail = 0;
  control::Event event;
  /// Of a step: its first kernel; of a copy: its first block; of a fetch: its last lease's answer,
  /// from when it may post; of a store: when it was ordered.
  Instant began{};
  Instant ended{};
  const RequestSpec* spec = nullptr;
  Instant due{};
  std::string text;
  std::exception_ptr failure;
};

}  // namespace calvo::realrun
