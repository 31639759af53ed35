#include "control/storage_node.hpp"

#include <algorithm>

namespace calvo::control {

StorageNode::StorageNode(std::int64_t capacity_blocks) : book_(capacity_blocks) {}

std::int32_t StorageNode::lookup(BlockRun run) const {
  return book_.resident_prefix(run);
}

std::int32_t StorageNode::begin_read(BlockRun run) {
  const std::int32_t stored = book_.resident_prefix(run);
  if (stored > 0) book_.pin({run.first, stored});
  return stored;
}

void StorageNode::end_read(BlockRun run) {
  if (run.count > 0) book_.unpin(run);
}

StorageNode::Accepted StorageNode::begin_write(BlockRun run) {
  Accepted accepted;
  while (run.count > 0) {
    const KvBook::Piece piece = book_.look(run);
    if (piece.state == KvBook::State::absent) {
      accepted.write =
          static_cast<std::int32_t>(std::min<std::int64_t>(piece.count, book_.available()));
      if (accepted.write > 0) book_.reserve({run.first, accepted.write}, 0);
      return accepted;
    }
    accepted.skip += piece.count;
    run = {BlockId{raw(run.first) + static_cast<std::uint64_t>(piece.count)},
           run.count - piece.count};
  }
  return accepted;
}

void StorageNode::end_write(BlockRun run) {
  book_.fill(run);
  book_.unpin(run);
}

void StorageNode::abandon_write(BlockRun run) {
  book_.drop(run);
}

void StorageNode::preload(BlockRun run) {
  const Accepted accepted = begin_write(run);
  if (accepted.write == 0) return;
  end_write({BlockId{raw(run.first) + static_cast<std::uint64_t>(accepted.skip)}, accepted.write});
}

}  // namespace calvo::control
