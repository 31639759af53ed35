#pragma once

#include <cstdint>
#include <vector>

#include "control/kv_book.hpp"

namespace calvo::control {

/// One node of the remote pool: what it holds, in least-recently-used order within its capacity.
/// A reducer like Instance: it sees requests in the order the driver delivers them and answers at
/// once; all delay is the driver's.
class StorageNode {
public:
  explicit StorageNode(std::int64_t capacity_blocks);

  /// Leading blocks of `run` that are stored here. Does not count as a use.
  std::int32_t lookup(BlockRun run) const;

  /// Begins a read of `run`: pins its stored leading blocks and says how many they are.
  std::int32_t begin_read(BlockRun run);
  /// Ends it; `run` is what begin_read granted. The blocks are now the most recently used.
  void end_read(BlockRun run);

  /// A write under way. Kept by the caller, who may use one again to save its memory.
  struct Write {
    enum class Kind : std::uint8_t {
      held,    ///< was stored already: pinned until the write ends
      taken,   ///< was absent: has slots now, to be written
      others,  ///< another write is bringing it
    };
    struct Piece {
      BlockRun blocks;
      Kind kind{};
    };
    BlockRun run;
    std::vector<Piece> pieces;  ///< the beginning of `run`, in order, without gaps

    /// Blocks that are to be written.
    std::int32_t taken() const;
  };

  /// Begins a write of `run`, which lookups find by its beginning only: what is stored of it stays,
  /// and slots are taken for what is absent, in order, evicting as needed, up to the first block
  /// for which there is none. Where the beginning needs the room, what is stored of the end gives
  /// it.
  void begin_write(BlockRun run, Write& write);
  /// Ends it: the first `blocks` of its run are complete, what else was taken is free again. Its
  /// run is now the most recently used, its first block most of all. Leaves no pieces.
  void end_write(Write& write, std::int32_t blocks);
  /// Ends it without its blocks.
  void abandon_write(Write& write) { end_write(write, 0); }

  /// Puts `run` here before the run begins, as far as there is room.
  void preload(BlockRun run);

  /// Records evicted runs from now on, oldest first, for take_evicted().
  void record_evictions() { book_.record_evictions(); }
  /// Moves what was evicted since the last call to the end of `out`.
  void take_evicted(std::vector<BlockRun>& out) { book_.take_evicted(out); }

  std::int64_t used() const { return book_.used(); }
  std::int64_t capacity() const { return book_.capacity(); }
  std::int64_t evictions() const { return book_.evictions(); }

private:
  bool make_available(std::int64_t slots, Write& write, std::size_t from);
  void touch(BlockRun run);

  KvBook book_;
  Write preload_;
  std::vector<BlockRun> touched_;
};

}  // namespace calvo::control
