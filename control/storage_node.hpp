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

  /// Begins a write: takes slots for the leading piece of `run` that is absent, evicting as needed.
  /// Returns how many blocks to skip because they are stored (or being stored) already, and how
  /// many to write after these; blocks beyond both were not looked at. {0, 0}: no room, all in use.
  struct Accepted {
    std::int32_t skip = 0;
    std::int32_t write = 0;
  };
  Accepted begin_write(BlockRun run);
  /// Ends it; `run` is what was to be written. From now on lookups find it.
  void end_write(BlockRun run);
  /// Ends it without its blocks: the slots are free again.
  void abandon_write(BlockRun run);

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
  KvBook book_;
};

}  // namespace calvo::control
