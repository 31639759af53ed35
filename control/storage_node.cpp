#include "control/storage_node.hpp"

#include <algorithm>

#include "control/storage_placement.hpp"

namespace calvo::control {

using Kind = StorageNode::Write::Kind;

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

std::int32_t StorageNode::Write::taken() const {
  std::int32_t blocks = 0;
  for (const Piece& piece : pieces) blocks += piece.kind == Kind::taken ? piece.blocks.count : 0;
  return blocks;
}

void StorageNode::begin_write(BlockRun run, Write& write) {
  write.run = run;
  write.pieces.clear();
  // All that is stored is held before anything is evicted: the beginning may be the oldest of all.
  for (BlockRun rest = run; rest.count > 0;) {
    const KvBook::Piece piece = book_.look(rest);
    const BlockRun blocks{rest.first, piece.count};
    if (piece.state == KvBook::State::resident) book_.pin(blocks);
    write.pieces.push_back({blocks, piece.state == KvBook::State::resident ? Kind::held
                                    : piece.state == KvBook::State::absent ? Kind::taken
                                                                           : Kind::others});
    rest = behind(rest, piece.count);
  }
  for (std::size_t i = 0; i < write.pieces.size(); ++i) {
    if (write.pieces[i].kind != Kind::taken) continue;
    const std::int32_t absent = write.pieces[i].blocks.count;
    const bool room = make_available(absent, write, i + 1);
    BlockRun& blocks = write.pieces[i].blocks;
    if (!room) blocks.count = static_cast<std::int32_t>(book_.available());
    if (blocks.count > 0) book_.reserve(blocks, 0);
    if (!room) write.pieces.resize(blocks.count > 0 ? i + 1 : i);
  }
}

/// Gives up what is held of the end, pieces [from, ...), until so many slots can be had; what
/// lies behind a block that was given up is no longer part of the write. Returns whether they can.
bool StorageNode::make_available(std::int64_t slots, Write& write, std::size_t from) {
  while (book_.available() < slots && write.pieces.size() > from) {
    Write::Piece& last = write.pieces.back();
    if (last.kind != Kind::held) {
      write.pieces.pop_back();
      continue;
    }
    const auto given = static_cast<std::int32_t>(
        std::min<std::int64_t>(last.blocks.count, slots - book_.available()));
    last.blocks.count -= given;
    book_.unpin({behind(last.blocks, last.blocks.count).first, given});
    if (last.blocks.count == 0) write.pieces.pop_back();
  }
  return book_.available() >= slots;
}

void StorageNode::end_write(Write& write, std::int32_t blocks) {
  // The deepest piece first, so that within a run the deepest block is the one to go next.
  for (; !write.pieces.empty(); write.pieces.pop_back()) {
    const auto [piece, kind] = write.pieces.back();
    if (kind == Kind::held) {
      book_.unpin(piece);
    } else if (kind == Kind::others) {
      touch(piece);
    } else {
      const auto at = static_cast<std::int32_t>(raw(piece.first) - raw(write.run.first));
      const std::int32_t complete = std::clamp(blocks - at, 0, piece.count);
      if (complete < piece.count) book_.drop(behind(piece, complete));
      if (complete == 0) continue;
      book_.fill({piece.first, complete});
      book_.unpin({piece.first, complete});
    }
  }
}

/// What another write has brought meanwhile counts as used, too.
void StorageNode::touch(BlockRun run) {
  touched_.clear();
  for (BlockRun rest = run; rest.count > 0;) {
    const KvBook::Piece piece = book_.look(rest);
    if (piece.state == KvBook::State::resident) touched_.push_back({rest.first, piece.count});
    rest = behind(rest, piece.count);
  }
  for (auto piece = touched_.rbegin(); piece != touched_.rend(); ++piece) {
    book_.pin(*piece);
    book_.unpin(*piece);
  }
}

void StorageNode::preload(BlockRun run) {
  begin_write(run, preload_);
  end_write(preload_, run.count);
}

}  // namespace calvo::control
