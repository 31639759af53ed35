#include "realrun/node/block_pool.hpp"

#include <algorithm>
#include <utility>

#include "core/contract.hpp"

namespace calvo::realrun {
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
      const auto found = slot_of_.find(raw(block_of(run, i)));
      CALVO_EXPECT(found != slot_of_.end());
      free_.push_back(found->second);
      slot_of_.erase(found);
    }
  }
}

std::int32_t BlockPool::lease(BlockRun run, std::vector<std::uint64_t>& slots) {
  const std::int32_t granted = node_.begin_read(run);
  for (std::int32_t i = 0; i < granted; ++i) slots.push_back(slot_of_.at(raw(block_of(run, i))));
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
  Store store = begin_store(run);
  for (const auto& [index, slot] : store.slots_) fill(slot, block_of(run, index), seed);
  commit(std::move(store), run.count);
}

std::vector<std::int32_t> BlockPool::Store::wanted() const {
  std::vector<std::int32_t> indices;
  for (const auto& [index, slot] : slots_) indices.push_back(index);
  return indices;
}

BlockPool::Store BlockPool::begin_store(BlockRun run) {
  Store store;
  node_.begin_write(run, store.write_);
  forget_evicted();
  for (const auto& [blocks, kind] : store.write_.pieces) {
    store.room_ += blocks.count;
    if (kind != control::StorageNode::Write::Kind::taken) continue;
    const auto from = static_cast<std::int32_t>(raw(blocks.first) - raw(run.first));
    for (std::int32_t i = 0; i < blocks.count; ++i) store.slots_.emplace(from + i, take_slot());
  }
  return store;
}

std::span<std::byte> BlockPool::space(const Store& store, std::int32_t index) {
  return bytes_of(store.slots_.at(index));
}

std::uint64_t BlockPool::generation_of(const Store& store, std::int32_t index) {
  return generation_[store.slots_.at(index)];
}

std::int32_t BlockPool::commit(Store store, std::int32_t blocks) {
  std::int32_t written = 0;
  for (const auto& [index, slot] : store.slots_) {
    if (index < blocks) {
      slot_of_.emplace(raw(block_of(store.write_.run, index)), slot);
      ++written;
    } else {
      free_.push_back(slot);
    }
  }
  node_.end_write(store.write_, blocks);
  return written;
}

}  // namespace calvo::realrun
