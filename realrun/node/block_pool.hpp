// The books of a storage node's pool: which block lies in which slot, and who needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "control/storage_node.hpp"
#include "core/request.hpp"
#include "realrun/wire/block_format.hpp"

namespace calvo::realrun {

/// Slots of `format.stride()` bytes, filled with sealed blocks. Residency, order of eviction and
/// pins are control::StorageNode's, the same as in the simulator; a slot that is leased, or that a
/// store fills, is never taken away. One thread.
class BlockPool {
public:
  /// `memory` holds `capacity` slots and outlives the pool. `config`: NodeConfig::digest_word().
  BlockPool(BlockFormat format, std::uint64_t config, std::span<std::byte> memory,
            std::int64_t capacity);

  const BlockFormat& format() const { return format_; }
  std::int64_t capacity() const { return node_.capacity(); }
  std::int64_t stored() const { return static_cast<std::int64_t>(slot_of_.size()); }
  std::int64_t evictions() const { return node_.evictions(); }

  /// Leading blocks of `run` that are stored. Does not count as a use.
  std::int32_t lookup(BlockRun run) const { return node_.lookup(run); }

  /// Pins the leading stored blocks of `run`, appends their slots, and returns how many they are.
  std::int32_t lease(BlockRun run, std::vector<std::uint64_t>& slots);
  /// `run`: what lease() has granted.
  void release(BlockRun run);

  /// Puts synthetic blocks where they would lie had the runs been written one after the other, and
  /// fills only those that remain. Requires: an empty pool.
  void preload(std::span<const BlockRun> runs, std::uint64_t seed);
  /// Makes what is absent of a run that is asked for, in order, as far as there is room. What is
  /// there of its beginning stays, and counts as used.
  void make_synthetic(BlockRun run, std::uint64_t seed);

  /// A store in progress: what is there of its run stays, slots are taken for the blocks that were
  /// absent. These become visible all at once, by commit().
  class Store {
  public:
    bool wants(std::int32_t index) const { return slots_.contains(index); }
    /// What it wants, by index, in order.
    std::vector<std::int32_t> wanted() const;
    /// Leading blocks of the run that are there, have a slot, or come with another store; for what
    /// follows there is no room.
    std::int32_t room() const { return room_; }

  private:
    friend class BlockPool;
    control::StorageNode::Write write_;
    std::int32_t room_ = 0;
    std::map<std::int32_t, std::uint64_t> slots_;  ///< by index in the run, of what it wants
  };
  Store begin_store(BlockRun run);
  /// Where block `index` of the run goes; seal it there. Requires: store.wants(index).
  std::span<std::byte> space(const Store& store, std::int32_t index);
  std::uint64_t generation_of(const Store& store, std::int32_t index);
  /// The first `blocks` of the run are complete in their slots; the rest is given up. Returns how
  /// many blocks are new.
  std::int32_t commit(Store store, std::int32_t blocks);

private:
  void fill(std::uint64_t slot, BlockId block, std::uint64_t seed);
  std::uint64_t take_slot();
  void forget_evicted();
  std::span<std::byte> bytes_of(std::uint64_t slot) const;

  BlockFormat format_;
  std::uint64_t config_;
  std::span<std::byte> memory_;
  control::StorageNode node_;
  std::unordered_map<std::uint64_t, std::uint64_t> slot_of_;  ///< by block, stored ones
  std::vector<std::uint64_t> free_;
  std::vector<std::uint64_t> generation_;  ///< by slot
  std::vector<BlockRun> evicted_;
};

}  // namespace calvo::realrun
