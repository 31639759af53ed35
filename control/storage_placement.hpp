// Where blocks lie in the remote pool: one rule for those who ask, those who write and the nodes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "control/engine_config.hpp"
#include "core/request.hpp"

namespace calvo::control {

/// Blocks of consecutive ids that lie on one storage node, and on those behind it if there are
/// replicas.
struct PlacedRun {
  BlockRun blocks;
  StorageId node{};
};

/// The leading blocks of `run` that are in one storage extent.
/// Requires: run.count > 0, a pool with at least one node.
inline PlacedRun leading_extent(BlockRun run, const InstanceResources& pool) {
  const std::uint64_t id = raw(run.first);
  const auto extent = static_cast<std::uint64_t>(pool.storage_extent);
  const std::uint64_t left = extent - id % extent;
  const auto count = static_cast<std::int32_t>(
      std::min<std::uint64_t>(left, static_cast<std::uint64_t>(run.count)));
  return {{run.first, count},
          StorageId{storage_node_of(id, pool.storage_extent, pool.storage_nodes)}};
}

/// The leading blocks of `run` that one message to one node may name: with several nodes those of
/// its extent, with one node all of them.
inline PlacedRun leading_on_node(BlockRun run, const InstanceResources& pool) {
  return pool.storage_nodes == 1 ? PlacedRun{run, StorageId{0}} : leading_extent(run, pool);
}

/// The node that holds copy `replica` of the blocks whose first copy lies on `home`.
inline StorageId replica_of(StorageId home, std::int32_t replica, const InstanceResources& pool) {
  const auto nodes = static_cast<std::uint32_t>(pool.storage_nodes);
  return StorageId{(raw(home) + static_cast<std::uint32_t>(replica)) % nodes};
}

/// Calls `visit(PlacedRun)` for the leading_on_node() pieces of `run`, in order, until it returns
/// false. Returns whether it saw them all. Two pieces that follow each other may lie on one node.
template <class Visit>
bool for_node_pieces(BlockRun run, const InstanceResources& pool, Visit visit) {
  while (run.count > 0) {
    const PlacedRun piece = leading_on_node(run, pool);
    if (!visit(piece)) return false;
    run = behind(run, piece.blocks.count);
  }
  return true;
}

}  // namespace calvo::control
