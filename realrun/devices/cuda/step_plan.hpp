// A step as kernels take it: cut into parts that fit, flattened into arrays of numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/gpu/attention_plan.hpp"
#include "realrun/devices/cuda/memory_plan.hpp"
#include "realrun/devices/device.hpp"

namespace calvo::realrun {

/// New tokens [begin, begin + count) of a sequence.
struct StepPart {
  std::size_t sequence = 0;
  std::int64_t begin = 0;
  std::int64_t count = 0;
  bool last = false;  ///< the sequence's result comes from it

  bool operator==(const StepPart&) const = default;
};

/// Cuts a step into parts that are computed one after the other, in order: a later part of a
/// sequence sees the KV of the earlier ones. Requires: a page table of one sequence fits.
std::vector<std::vector<StepPart>> split_step(std::span<const SequenceStep> sequences,
                                              const StepLimits& limits, std::int32_t block_tokens);

/// kernels::gpu::RaggedBatch and what else kernels read, on the host. One sequence for each part.
struct StepBatch {
  std::vector<std::int32_t> tokens;        ///< [rows]
  std::vector<std::int32_t> row_begin;     ///< [sequences + 1]
  std::vector<std::int32_t> row_sequence;  ///< [rows]
  std::vector<std::int32_t> first;         ///< [sequences]
  std::vector<std::int32_t> page_begin;    ///< [sequences]
  std::vector<std::int32_t> pages;         ///< only those that hold the part and what is before it
  std::vector<std::int32_t> singles;       ///< sequences with one row: decode attention
  std::vector<std::int32_t> single_keys;   ///< [singles]: keys that each attends to
  std::vector<kernels::gpu::PrefillTile> tiles;  ///< of the others
  std::vector<std::int32_t> taken;               ///< rows whose logits are wanted
  std::vector<std::size_t> results;              ///< [taken]: the sequences of the step

  std::int32_t rows() const { return static_cast<std::int32_t>(tokens.size()); }
  std::int32_t sequences() const { return static_cast<std::int32_t>(first.size()); }
  bool only_singles() const { return tiles.empty(); }
};

StepBatch step_batch(std::span<const SequenceStep> sequences, std::span<const StepPart> parts,
                     std::int32_t block_tokens, std::int32_t group);

/// What a captured graph of a decode step depends on: batches with the same one share it.
struct DecodeBucket {
  std::int32_t sequences = 0;  ///< at least as many as the batch has
  std::int32_t keys = 0;       ///< at least as many as each attends to

  auto operator<=>(const DecodeBucket&) const = default;
};
/// Nothing if there is more than one row of a sequence, or a sequence without a result, or if the
/// bucket would be larger than the limits.
std::optional<DecodeBucket> decode_bucket(const StepBatch& batch, const StepLimits& limits);

/// Adds sequences of one token 0 at position 0 in `page` until there are bucket.sequences; their
/// logits are computed and nobody's.
void pad(StepBatch& batch, const DecodeBucket& bucket, std::int32_t page);

/// Where the arrays of a batch lie in one piece of memory, in numbers of 4 bytes: a multiple of 4
/// each. Page tables come last, so that all else is where it is whatever they hold.
struct BatchLayout {
  std::int64_t tokens = 0, row_begin = 0, row_sequence = 0, first = 0, page_begin = 0, singles = 0,
               tiles = 0, taken = 0, pages = 0;
  std::int64_t size = 0;  ///< of all
};
BatchLayout batch_layout(const StepBatch& batch);
/// Numbers that any batch within `limits` needs at most.
std::int64_t largest_batch(const StepLimits& limits);
/// Requires: into.size() >= layout.size.
void write_batch(const StepBatch& batch, const BatchLayout& layout, std::span<std::int32_t> into);

}  // namespace calvo::realrun
