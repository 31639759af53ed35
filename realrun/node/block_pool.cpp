#include "realrun/node/block_pool.hpp"

#include <algorithm>
#include <utility>

#include "control/storage_placement.hpp"
#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

std::uint64_t name_at(BlockRun run, std::int32_t index) {
  return raw(run.first) + static_cast<std::uint64_t>(index);
}

}  // namespace

BlockPool::BlockPool(BlockFormat format, std::uint64_t config, std::span<std::byte> memory,
                     std::int64_t capacity)
    : format_(format), config_(config), memory_(memory), node_(capacity) {
  CALVO_EXPECT(capacity > 0 && memory.size() >= static_cast<std::size_t>(capacity) *
                                                    static_cast<std::size_t>(format.stride()));
  node_.record_evictions();
  generation_.resize(static_cast<std::size_t>(capacity));
  for (std::int64_t slot = capacity; slot-- > 0;) free_.push_back(static_cast<std::uint64_t>(slot));
}

std::span<std::byte> BlockPool::bytes_of(std::uint64_t slot) const {
  return memory_.subspan(slot * static_cast<std::size_t>(format_.stride()),
                         static_cast<std::size_t>(format_.used()));
}

std::uint64_t BlockPool::take_slot() {
  CALVO_EXPECT(!free_.empty());
  const std::uint64_t slot = free_.back();
  free_.pop_back();
  ++generation_[slot];
  return slot;
}

void BlockPool::forget_evicted() {
  evicted_.clear();
  node_.take_evicted(evicted_);
  for (const BlockRun run : evicted_) {
    for (std::int32_t i = 0; i < run.count; ++i) {
      const auto found = slot_of_.find(name_at(run, i));
      CALVO_EXPECT(found != slot_of_.end());
      free_.push_back(found->second);
      slot_of_.erase(found);
    }
  }
}

std::int32_t BlockPool::lease(BlockRun run, std::vector<std::uint64_t>& slots) {
  const std::int32_t granted = node_.begin_read(run);
  for (std::int32_t i = 0; i < granted; ++i) slots.push_back(slot_of_.at(name_at(run, i)));
  return granted;
}

void BlockPool::release(BlockRun run) {
  node_.end_read(run);
}

void BlockPool::fill(std::uint64_t slot, BlockId block, std::uint64_t seed) {
  const std::span<std::byte> bytes = bytes_of(slot);
  fill_synthetic(seed, block, bytes.first(static_cast<std::size_t>(format_.payload)));
  seal_block(format_, bytes, block, generation_[slot], config_);
}

void BlockPool::preload(std::span<const BlockRun> runs, std::uint64_t seed) {
  CALVO_EXPECT(slot_of_.empty());
  for (const BlockRun run : runs) commit(begin_store(run), run.count);
  for (const auto& [block, slot] : slot_of_) fill(slot, BlockId{block}, seed);
}

void BlockPool::make_synthetic(BlockRun run, std::uint64_t seed) {
  const std::int32_t present = node_.begin_read(run);
  if (present < run.count) {
    const BlockRun rest = control::behind(run, present);
    Store store = begin_store(rest);
    for (const Store::Piece& piece : store.pieces_) {
      for (std::int32_t i = 0; i < piece.count; ++i) {
        fill(piece.slots[static_cast<std::size_t>(i)], BlockId{name_at(rest, piece.from + i)},
             seed);
      }
    }
    commit(std::move(store), rest.count);
  }
  node_.end_read({run.first, present});
}

bool BlockPool::Store::wants(std::int32_t index) const {
  return std::ranges::any_of(pieces_, [&](const Piece& piece) {
    return index >= piece.from && index < piece.from + piece.count;
  });
}

BlockPool::Store BlockPool::begin_store(BlockRun run) {
  Store store;
  store.run_ = run;
  std::int32_t at = 0;
  while (at < run.count) {
    const control::StorageNode::Accepted accepted = node_.begin_write(control::behind(run, at));
    at += accepted.skip;
    if (accepted.write == 0) break;
    forget_evicted();
    Store::Piece& piece = store.pieces_.emplace_back();
    piece.from = at;
    piece.count = accepted.write;
    for (std::int32_t i = 0; i < accepted.write; ++i) piece.slots.push_back(take_slot());
    at += accepted.write;
  }
  return store;
}

std::uint64_t BlockPool::slot(const Store& store, std::int32_t index) const {
  for (const Store::Piece& piece : store.pieces_) {
    if (index >= piece.from && index < piece.from + piece.count) {
      return piece.slots[static_cast<std::size_t>(index - piece.from)];
    }
  }
  contract_broken("precondition", "store.wants(index)", __FILE__, __LINE__);
}

std::span<std::byte> BlockPool::space(const Store& store, std::int32_t index) {
  return bytes_of(slot(store, index));
}

std::uint64_t BlockPool::generation_of(const Store& store, std::int32_t index) {
  return generation_[slot(store, index)];
}

std::int32_t BlockPool::commit(Store store, std::int32_t blocks) {
  std::int32_t written = 0;
  // The last piece first, so that within a prefix the deepest block is the one to go next.
  for (auto piece = store.pieces_.rbegin(); piece != store.pieces_.rend(); ++piece) {
    const std::int32_t complete = std::clamp(blocks - piece->from, 0, piece->count);
    const BlockRun run = control::behind(store.run_, piece->from);
    for (std::int32_t i = complete; i < piece->count; ++i) {
      free_.push_back(piece->slots[static_cast<std::size_t>(i)]);
    }
    if (complete < piece->count) {
      node_.abandon_write({BlockId{name_at(run, complete)}, piece->count - complete});
    }
    if (complete == 0) continue;
    node_.end_write({run.first, complete});
    for (std::int32_t i = 0; i < complete; ++i) {
      slot_of_.emplace(name_at(run, i), piece->slots[static_cast<std::size_t>(i)]);
    }
    written += complete;
  }
  return written;
}

}  // namespace calvo::realrun
