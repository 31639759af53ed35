#include "realrun/devices/cuda/step_plan.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

constexpr std::int32_t least_keys = 512;  // of a bucket

std::int64_t pages_of(std::int64_t tokens, std::int32_t block_tokens) {
  return (tokens + block_tokens - 1) / block_tokens;
}

std::int32_t to_int(std::int64_t value) {
  CALVO_EXPECT(0 <= value && value <= std::numeric_limits<std::int32_t>::max());
  return static_cast<std::int32_t>(value);
}

/// The smallest of 1, 2, 3, 4, 6, 8, 12, ... that is not below `count`: at most a third is padding
/// from 4 on.
std::int32_t rounded_up(std::int32_t count) {
  const auto power = static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint32_t>(count)));
  const std::int32_t between = power / 4 * 3;
  return count <= between ? between : power;
}

class Layout {
public:
  std::int64_t add(std::size_t numbers) {
    const std::int64_t begin = size_;
    size_ += static_cast<std::int64_t>(numbers + 3) / 4 * 4;
    return begin;
  }
  std::int64_t size() const { return size_; }

private:
  std::int64_t size_ = 0;
};

}  // namespace

std::vector<std::vector<StepPart>> split_step(std::span<const SequenceStep> sequences,
                                              const StepLimits& limits, std::int32_t block_tokens) {
  CALVO_EXPECT(limits.rows > 0 && limits.sequences > 0 && limits.pages > 0);
  std::vector<std::vector<StepPart>> steps;
  std::int64_t rows = 0;
  std::int64_t pages = 0;
  const auto open = [&] {
    steps.emplace_back();
    rows = pages = 0;
  };
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto total = static_cast<std::int64_t>(sequences[i].tokens.size());
    for (std::int64_t begin = 0; begin < total;) {
      const auto table = [&](std::int64_t count) {
        return pages_of(sequences[i].context + begin + count, block_tokens);
      };
      const bool full = steps.empty() || rows == limits.rows ||
                        std::ssize(steps.back()) == limits.sequences ||
                        pages + table(1) > limits.pages;
      if (full) open();
      std::int64_t count = std::min(total - begin, limits.rows - rows);
      if (pages + table(count) > limits.pages) {  // as far as the tables reach
        count = (limits.pages - pages) * block_tokens - (sequences[i].context + begin);
      }
      CALVO_EXPECT(count > 0);
      steps.back().push_back({i, begin, count, begin + count == total});
      rows += count;
      pages += table(count);
      begin += count;
    }
  }
  return steps;
}

StepBatch step_batch(std::span<const SequenceStep> sequences, std::span<const StepPart> parts,
                     std::int32_t block_tokens, std::int32_t group) {
  StepBatch batch;
  std::vector<kernels::gpu::SequenceRows> prompts;  // decodes have no rows here
  batch.row_begin.push_back(0);
  for (const StepPart& part : parts) {
    const SequenceStep& sequence = sequences[part.sequence];
    const std::int32_t index = batch.sequences();
    const std::int64_t context = sequence.context + part.begin;
    const auto tokens = sequence.tokens.subspan(static_cast<std::size_t>(part.begin),
                                                static_cast<std::size_t>(part.count));
    batch.tokens.insert(batch.tokens.end(), tokens.begin(), tokens.end());
    batch.row_sequence.insert(batch.row_sequence.end(), tokens.size(), index);
    batch.row_begin.push_back(batch.rows());
    batch.first.push_back(to_int(context));
    batch.page_begin.push_back(to_int(std::ssize(batch.pages)));
    const auto pages = sequence.pages.first(
        static_cast<std::size_t>(pages_of(context + part.count, block_tokens)));
    batch.pages.insert(batch.pages.end(), pages.begin(), pages.end());
    if (part.count == 1) {
      batch.singles.push_back(index);
      batch.single_keys.push_back(to_int(context + 1));
      prompts.push_back({0, 0});
    } else {
      prompts.push_back({to_int(part.count), to_int(context)});
    }
    if (part.last) {
      batch.taken.push_back(batch.rows() - 1);
      batch.results.push_back(part.sequence);
    }
  }
  batch.tiles = kernels::gpu::prefill_tiles(prompts, group);
  return batch;
}

std::optional<DecodeBucket> decode_bucket(const StepBatch& batch, const StepLimits& limits) {
  if (!batch.only_singles() || batch.singles.empty() ||
      std::ssize(batch.taken) != batch.sequences()) {
    return std::nullopt;
  }
  const std::int32_t keys = std::ranges::max(batch.single_keys);
  if (keys > 1 << 30) return std::nullopt;
  const DecodeBucket bucket{
      rounded_up(batch.sequences()),
      std::max(least_keys,
               static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint32_t>(keys))))};
  const std::int64_t pages = std::ssize(batch.pages) + bucket.sequences - batch.sequences();
  if (bucket.sequences > std::min(limits.rows, limits.sequences) || pages > limits.pages) {
    return std::nullopt;
  }
  return bucket;
}

void pad(StepBatch& batch, const DecodeBucket& bucket, std::int32_t page) {
  CALVO_EXPECT(batch.only_singles() && batch.sequences() <= bucket.sequences);
  while (batch.sequences() < bucket.sequences) {
    batch.singles.push_back(batch.sequences());
    batch.single_keys.push_back(1);
    batch.row_sequence.push_back(batch.sequences());
    batch.taken.push_back(batch.rows());
    batch.tokens.push_back(0);
    batch.row_begin.push_back(batch.rows());
    batch.first.push_back(0);
    batch.page_begin.push_back(to_int(std::ssize(batch.pages)));
    batch.pages.push_back(page);
  }
}

BatchLayout batch_layout(const StepBatch& batch) {
  Layout layout;
  BatchLayout result;
  result.tokens = layout.add(batch.tokens.size());
  result.row_begin = layout.add(batch.row_begin.size());
  result.row_sequence = layout.add(batch.row_sequence.size());
  result.first = layout.add(batch.first.size());
  result.page_begin = layout.add(batch.page_begin.size());
  result.singles = layout.add(batch.singles.size());
  result.tiles = layout.add(2 * batch.tiles.size());
  result.taken = layout.add(batch.taken.size());
  result.pages = layout.add(batch.pages.size());
  result.size = layout.size();
  return result;
}

std::int64_t largest_batch(const StepLimits& limits) {
  // A sequence of r rows has no more than r * group / tile rows + 1 tiles, group at most tile rows.
  const std::int64_t tiles = std::int64_t{limits.rows} + limits.sequences;
  return 2 * std::int64_t{limits.rows} + 5 * std::int64_t{limits.sequences} + 1 + 2 * tiles +
         limits.pages + 9 * 3;
}

void write_batch(const StepBatch& batch, const BatchLayout& layout, std::span<std::int32_t> into) {
  CALVO_EXPECT(std::ssize(into) >= layout.size);
  const auto put = [&](std::int64_t at, const std::vector<std::int32_t>& numbers) {
    std::ranges::copy(numbers, into.begin() + at);
  };
  put(layout.tokens, batch.tokens);
  put(layout.row_begin, batch.row_begin);
  put(layout.row_sequence, batch.row_sequence);
  put(layout.first, batch.first);
  put(layout.page_begin, batch.page_begin);
  put(layout.singles, batch.singles);
  put(layout.taken, batch.taken);
  put(layout.pages, batch.pages);
  auto tile = into.begin() + layout.tiles;
  static_assert(sizeof(kernels::gpu::PrefillTile) == 2 * sizeof(std::int32_t));
  for (const kernels::gpu::PrefillTile& from : batch.tiles) {
    *tile++ = from.sequence;
    *tile++ = from.packed_row;
  }
}

}  // namespace calvo::realrun
