#include "traces/block_names.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <xxhash.h>

#include "core/contract.hpp"

namespace calvo::traces {
namespace {

constexpr std::size_t first_slots = 1024;
constexpr std::int64_t longest_run = std::numeric_limits<std::int32_t>::max();

/// Tokens [offset, offset + length) of one trace block, at the end of a prefix.
std::uint64_t chained(std::uint64_t prefix, const ContentRun& run, std::int64_t index,
                      std::int64_t offset, std::int64_t length) {
  const std::array<std::uint64_t, 5> piece = {
      prefix, run.space, run.first + static_cast<std::uint64_t>(index),
      static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length)};
  return XXH3_64bits(piece.data(), sizeof piece);
}

std::int64_t common_blocks(std::span<const ContentRun> a, std::span<const ContentRun> b) {
  std::int64_t common = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].space != b[i].space || a[i].first != b[i].first) break;
    common += std::min(a[i].count, b[i].count);
    if (a[i].count != b[i].count) break;
  }
  return common;
}

/// Shortens `runs` to its first `blocks` blocks.
void keep_first(std::vector<BlockRun>& runs, std::int64_t blocks) {
  std::int64_t surplus = block_count(runs) - blocks;
  while (surplus > 0) {
    const std::int64_t drop = std::min<std::int64_t>(surplus, runs.back().count);
    runs.back().count -= static_cast<std::int32_t>(drop);
    if (runs.back().count == 0) runs.pop_back();
    surplus -= drop;
  }
}

}  // namespace

void BlockTable::clear() {
  std::ranges::fill(slots_, Slot{});
  used_ = 0;
}

void BlockTable::grow() {
  std::vector<Slot> old(std::max(first_slots, 2 * slots_.size()));
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.value != empty) slot_of(slot.key) = slot;
  }
}

void append_run(std::vector<BlockRun>& runs, BlockRun run) {
  if (run.count == 0) return;
  if (!runs.empty() && block_of(runs.back(), runs.back().count) == run.first &&
      runs.back().count <= longest_run - run.count) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

std::int64_t block_count(std::span<const BlockRun> runs) {
  std::int64_t blocks = 0;
  for (const BlockRun& run : runs) blocks += run.count;
  return blocks;
}

BlockNames::BlockNames(Tokens trace_block, Tokens engine_block)
    : trace_block_(trace_block.count()), engine_block_(engine_block.count()) {
  CALVO_EXPECT(trace_block_ > 0 && engine_block_ > 0);
  per_unit_ = trace_block_ % engine_block_ == 0 ? trace_block_ / engine_block_ : 1;
  unit_tokens_ = per_unit_ * engine_block_;
}

void BlockNames::name(Stream& stream, std::span<const ContentRun> content, Tokens tokens,
                      std::vector<BlockRun>& out) {
  const std::int64_t same = common_blocks(stream.content_, content) * trace_block_ / unit_tokens_;
  if (same < static_cast<std::int64_t>(stream.chain_.size())) {
    stream.chain_.resize(static_cast<std::size_t>(same));
    keep_first(stream.names_, same * per_unit_);
  }
  stream.content_.assign(content.begin(), content.end());

  std::int64_t left = tokens.count() / engine_block_;
  extend(stream, (left + per_unit_ - 1) / per_unit_);
  for (std::size_t i = 0; left > 0; ++i) {
    CALVO_EXPECT(i < stream.names_.size());
    BlockRun run = stream.names_[i];
    run.count = static_cast<std::int32_t>(std::min<std::int64_t>(run.count, left));
    append_run(out, run);
    left -= run.count;
  }
}

void BlockNames::extend(Stream& stream, std::int64_t units) {
  auto done = static_cast<std::int64_t>(stream.chain_.size());
  if (done >= units) return;

  // Where unit `done` begins: trace block `index` of run `run`, `offset` tokens into it.
  std::int64_t common = 0;  // leading trace blocks of space 0
  for (const ContentRun& leading : stream.content_) {
    if (leading.space != 0) break;
    common += leading.count;
  }
  std::int64_t index = done * unit_tokens_ / trace_block_;
  std::int64_t offset = done * unit_tokens_ % trace_block_;
  std::size_t run = 0;
  while (run < stream.content_.size() && index >= stream.content_[run].count) {
    index -= stream.content_[run++].count;
  }

  std::uint64_t prefix = done == 0 ? 0 : stream.chain_.back();
  for (; done < units; ++done) {
    for (std::int64_t missing = unit_tokens_; missing > 0;) {
      CALVO_EXPECT(run < stream.content_.size());
      const std::int64_t length = std::min(missing, trace_block_ - offset);
      prefix = chained(prefix, stream.content_[run], index, offset, length);
      missing -= length;
      offset += length;
      if (offset < trace_block_) continue;
      offset = 0;
      if (++index == stream.content_[run].count) {
        index = 0;
        ++run;
      }
    }
    const std::uint64_t id = intern(prefix, (done + 1) * unit_tokens_ <= common * trace_block_);
    append_run(stream.names_, {BlockId{id}, static_cast<std::int32_t>(per_unit_)});
    stream.chain_.push_back(prefix);
  }
}

std::uint64_t BlockNames::intern(std::uint64_t key, bool common) {
  bool is_new = false;
  const std::uint64_t id = (common ? common_ : session_).find_or_add(key, next_id_, is_new);
  if (is_new) next_id_ += static_cast<std::uint64_t>(per_unit_);
  return id;
}

void BlockNames::name_fresh(std::int64_t count, std::vector<BlockRun>& out) {
  CALVO_EXPECT(count >= 0 && count <= longest_run);
  append_run(out, {BlockId{next_id_}, static_cast<std::int32_t>(count)});
  next_id_ += static_cast<std::uint64_t>(count);
}

}  // namespace calvo::traces
