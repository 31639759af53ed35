#include "traces/lru_cache.hpp"

#include <algorithm>
#include <charconv>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "traces/global_ids.hpp"

namespace calvo::traces {
namespace {

using Slot = std::uint32_t;

/// The blocks of each prompt as runs of small dense numbers, good for indexing arrays.
class DenseBlocks {
public:
  DenseBlocks(const Trace& trace, double shared_prefix) {
    const GlobalIds ids(trace, shared_prefix);
    std::vector<TraceRun> all;
    first_run_.push_back(0);
    for (std::size_t i = 0; i < trace.requests.size(); ++i) {
      const auto runs = ids.blocks(i);
      // A last block without an id is no block of the trace: nobody can hit it.
      const bool tail = trace.last_block == LastBlock::unnamed &&
                        trace.requests[i].input % trace.block_tokens.count() != 0;
      all.insert(all.end(), runs.begin(), runs.end() - (tail ? 1 : 0));
      first_run_.push_back(all.size());
    }
    std::vector<TraceRun> merged = all;
    std::ranges::sort(merged, {}, &TraceRun::first);
    struct Part {
      std::uint64_t first;
      std::uint64_t end;
      std::uint64_t slot;
    };
    std::vector<Part> parts;
    for (const TraceRun& run : merged) {
      const std::uint64_t end = run.first + static_cast<std::uint64_t>(run.count);
      if (!parts.empty() && run.first <= parts.back().end) {
        parts.back().end = std::max(parts.back().end, end);
      } else {
        const std::uint64_t slot =
            parts.empty() ? 0 : parts.back().slot + parts.back().end - parts.back().first;
        parts.push_back({run.first, end, slot});
      }
    }
    if (!parts.empty()) size_ = parts.back().slot + parts.back().end - parts.back().first;
    CALVO_EXPECT(size_ < ~Slot{0});
    for (TraceRun run : all) {
      const auto part = std::prev(std::ranges::upper_bound(parts, run.first, {}, &Part::first));
      run.first = part->slot + (run.first - part->first);
      runs_.push_back(run);
    }
  }

  std::span<const TraceRun> of(std::size_t request) const {
    return std::span(runs_).subspan(first_run_[request],
                                    first_run_[request + 1] - first_run_[request]);
  }
  std::size_t size() const { return size_; }

private:
  std::vector<TraceRun> runs_;
  std::vector<std::size_t> first_run_;
  std::size_t size_ = 0;
};

/// A doubly linked list through an array, most recent first; the slot past the last is its anchor.
class LruCache {
public:
  LruCache(std::size_t slots, std::int64_t capacity)
      : links_(slots + 1), present_(slots), anchor_(static_cast<Slot>(slots)), capacity_(capacity) {
    links_[anchor_] = {anchor_, anchor_};
  }

  bool holds(std::uint64_t slot) const { return present_[slot] != 0; }

  void touch(std::uint64_t at) {
    const auto slot = static_cast<Slot>(at);
    if (present_[slot] != 0) {
      unlink(slot);
    } else {
      present_[slot] = 1;
      ++used_;
    }
    const Slot newest = links_[anchor_].older;
    links_[slot] = {anchor_, newest};
    links_[newest].newer = slot;
    links_[anchor_].older = slot;
  }

  void evict() {
    while (used_ > capacity_) {
      const Slot oldest = links_[anchor_].newer;
      unlink(oldest);
      present_[oldest] = 0;
      --used_;
    }
  }

private:
  struct Link {
    Slot newer = 0;
    Slot older = 0;
  };

  void unlink(Slot slot) {
    links_[links_[slot].newer].older = links_[slot].older;
    links_[links_[slot].older].newer = links_[slot].newer;
  }

  std::vector<Link> links_;
  std::vector<std::uint8_t> present_;
  Slot anchor_;
  std::int64_t capacity_;
  std::int64_t used_ = 0;
};

std::int64_t leading_hits(const LruCache& cache, std::span<const TraceRun> runs) {
  std::int64_t hits = 0;
  for (const TraceRun& run : runs) {
    for (std::int32_t i = 0; i < run.count; ++i, ++hits) {
      if (!cache.holds(run.first + static_cast<std::uint64_t>(i))) return hits;
    }
  }
  return hits;
}

}  // namespace

double CacheHits::block_ratio() const {
  return blocks == 0 ? 0 : static_cast<double>(hit_blocks) / static_cast<double>(blocks);
}

double CacheHits::token_ratio() const {
  return tokens == 0 ? 0 : static_cast<double>(hit_tokens) / static_cast<double>(tokens);
}

std::vector<CacheHits> simulate_lru(const Trace& trace, const std::vector<std::int64_t>& capacities,
                                    double shared_prefix) {
  std::vector<CacheHits> results;
  if (trace.block_tokens.count() == 0) {
    CacheHits none;
    for (const TraceRequest& request : trace.requests) none.tokens += request.input;
    for (const std::int64_t capacity : capacities) {
      none.capacity = capacity;
      results.push_back(none);
    }
    return results;
  }
  const DenseBlocks blocks(trace, shared_prefix);
  for (const std::int64_t capacity : capacities) {
    CALVO_EXPECT(capacity > 0);
    LruCache cache(blocks.size(), capacity);
    CacheHits hits;
    hits.capacity = capacity;
    for (std::size_t i = 0; i < trace.requests.size(); ++i) {
      const auto runs = blocks.of(i);
      const std::int64_t found = leading_hits(cache, runs);
      hits.hit_blocks += found;
      hits.hit_tokens +=
          std::min<std::int64_t>(found * trace.block_tokens.count(), trace.requests[i].input);
      hits.tokens += trace.requests[i].input;
      for (std::size_t r = runs.size(); r-- > 0;) {
        hits.blocks += runs[r].count;
        for (std::int32_t k = runs[r].count; k-- > 0;) {
          cache.touch(runs[r].first + static_cast<std::uint64_t>(k));
        }
      }
      cache.evict();
    }
    results.push_back(hits);
  }
  return results;
}

std::vector<std::int64_t> parse_capacities(const std::string& text, const std::string& source) {
  std::vector<std::int64_t> capacities;
  std::size_t at = 0;
  while (true) {
    const std::size_t stop = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, stop - at);
    std::int64_t value = infinite_blocks;
    if (part != "inf") {
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
      if (error != std::errc{} || end != part.data() + part.size() || value < 1) {
        throw InputError({source, 1, static_cast<int>(at) + 1}, "",
                         "not a number of blocks \"" + part + "\"; write a list such as 1000,inf");
      }
    }
    capacities.push_back(value);
    if (stop == text.size()) return capacities;
    at = stop + 1;
  }
}

}  // namespace calvo::traces
