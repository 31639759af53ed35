#include "control/kv_book.hpp"

#include <algorithm>
#include <iterator>

#include "core/contract.hpp"

namespace calvo::control {

KvBook::KvBook(std::int64_t capacity, bool count_touches)
    : capacity_(capacity), count_touches_(count_touches) {
  CALVO_EXPECT(capacity >= 0);
}

KvBook::~KvBook() {
  unpinned_.clear();
  by_id_.clear();
}

KvBook::Extent& KvBook::make(std::uint64_t first, std::int64_t count) {
  if (pool_.empty()) {
    storage_.emplace_back();
    pool_.push_back(&storage_.back());
  }
  Extent& extent = *pool_.back();
  pool_.pop_back();
  extent.first = first;
  extent.count = count;
  extent.pins = 0;
  extent.owner = 0;
  extent.touches = 0;
  return extent;
}

void KvBook::destroy(ById::iterator extent) {
  Extent& node = *extent;
  by_id_.erase(extent);
  pool_.push_back(&node);
}

KvBook::ById::iterator KvBook::find(std::uint64_t id) {
  auto next = by_id_.upper_bound(id);
  if (next == by_id_.begin()) return by_id_.end();
  --next;
  return id < next->end() ? next : by_id_.end();
}

KvBook::ById::const_iterator KvBook::find(std::uint64_t id) const {
  auto next = by_id_.upper_bound(id);
  if (next == by_id_.begin()) return by_id_.end();
  --next;
  return id < next->end() ? next : by_id_.end();
}

KvBook::ById::iterator KvBook::split(ById::iterator extent, std::uint64_t at) {
  if (extent->first == at) return extent;
  Extent& deep = make(at, static_cast<std::int64_t>(extent->end() - at));
  deep.pins = extent->pins;
  deep.owner = extent->owner;
  deep.state = extent->state;
  deep.touches = extent->touches;
  extent->count -= deep.count;
  if (extent->state == State::resident && extent->pins == 0) {
    unpinned_.insert(std::next(unpinned_.iterator_to(*extent)), deep);
  }
  return by_id_.insert(by_id_.end(), deep);
}

KvBook::ById::iterator KvBook::isolate(BlockRun run) {
  CALVO_EXPECT(run.count > 0);
  const std::uint64_t first = raw(run.first);
  const std::uint64_t end = first + static_cast<std::uint64_t>(run.count);
  auto begin = find(first);
  CALVO_EXPECT(begin != by_id_.end());
  begin = split(begin, first);
  auto last = begin;
  while (last->end() < end) {
    const std::uint64_t next = last->end();
    ++last;
    CALVO_EXPECT(last != by_id_.end() && last->first == next);
  }
  if (last->end() > end) split(last, end);
  return begin;
}

KvBook::Piece KvBook::look(BlockRun run) const {
  CALVO_EXPECT(run.count > 0);
  const std::uint64_t first = raw(run.first);
  const auto length = [&](std::uint64_t end) {
    return static_cast<std::int32_t>(
        std::min<std::uint64_t>(end - first, static_cast<std::uint64_t>(run.count)));
  };
  const auto next = by_id_.upper_bound(first);
  if (next != by_id_.begin()) {
    const auto extent = std::prev(next);
    if (first < extent->end()) {
      return {extent->state, length(extent->end()), extent->owner, extent->touches,
              extent->pins > 0};
    }
  }
  return {State::absent, next == by_id_.end() ? run.count : length(next->first), 0, 0, false};
}

std::int32_t KvBook::resident_prefix(BlockRun run) const {
  std::int32_t resident = 0;
  auto extent = find(raw(run.first));
  std::uint64_t at = raw(run.first);
  while (resident < run.count && extent != by_id_.end() && extent->first <= at &&
         extent->state == State::resident) {
    resident = static_cast<std::int32_t>(std::min<std::uint64_t>(
        extent->end() - raw(run.first), static_cast<std::uint64_t>(run.count)));
    at = extent->end();
    ++extent;
  }
  return resident;
}

void KvBook::pin(BlockRun run) {
  auto extent = isolate(run);
  const std::uint64_t end = raw(block_of(run, run.count));
  for (; extent != by_id_.end() && extent->first < end; ++extent) {
    CALVO_EXPECT(extent->state == State::resident);
    if (extent->pins++ == 0) {
      unpinned_.erase(unpinned_.iterator_to(*extent));
      evictable_ -= extent->count;
    }
    if (count_touches_ && extent->touches < 255) ++extent->touches;
  }
}

void KvBook::unpin(BlockRun run) {
  const auto first = isolate(run);
  auto extent = find(raw(block_of(run, run.count - 1)));
  for (bool more = true; more;) {  // deepest first, so that the shallowest ends as most recent
    more = extent != first;
    const auto shallower = more ? std::prev(extent) : extent;
    CALVO_EXPECT(extent->state == State::resident && extent->pins > 0);
    if (--extent->pins == 0) to_most_recent(extent);
    extent = shallower;
  }
}

void KvBook::to_most_recent(ById::iterator extent) {
  evictable_ += extent->count;
  const auto deeper = std::next(extent);
  if (deeper != by_id_.end() && !unpinned_.empty() && &unpinned_.front() == &*deeper &&
      deeper->first == extent->end() && deeper->touches == extent->touches) {
    extent->count += deeper->count;  // they go in one piece from now on
    unpinned_.pop_front();
    destroy(deeper);
  }
  unpinned_.push_front(*extent);
}

void KvBook::make_room(std::int64_t slots) {
  CALVO_EXPECT(slots <= available());
  while (capacity_ - used_ < slots) {
    Extent& oldest = unpinned_.back();
    const std::int64_t count = std::min(oldest.count, slots - (capacity_ - used_));
    oldest.count -= count;  // from the deep end
    used_ -= count;
    evictable_ -= count;
    evictions_ += count;
    if (record_) {
      evicted_.push_back({BlockId{oldest.end()}, static_cast<std::int32_t>(count)});
    }
    if (oldest.count == 0) {
      unpinned_.pop_back();
      destroy(by_id_.iterator_to(oldest));
    }
  }
}

void KvBook::insert(BlockRun run, State state, std::uint32_t owner) {
  CALVO_EXPECT(run.count > 0);
  const std::uint64_t first = raw(run.first);
  const auto next = by_id_.lower_bound(first);
  CALVO_EXPECT(next == by_id_.end() ||
               next->first >= first + static_cast<std::uint64_t>(run.count));
  CALVO_EXPECT(next == by_id_.begin() || std::prev(next)->end() <= first);
  Extent& extent = make(first, run.count);
  extent.state = state;
  extent.owner = owner;
  extent.pins = 1;
  by_id_.insert(next, extent);
}

void KvBook::reserve(BlockRun run, std::uint32_t owner) {
  make_room(run.count);
  insert(run, State::loading, owner);
  used_ += run.count;
}

void KvBook::fill(BlockRun run) {
  auto extent = isolate(run);
  const std::uint64_t end = raw(block_of(run, run.count));
  for (; extent != by_id_.end() && extent->first < end; ++extent) {
    CALVO_EXPECT(extent->state == State::loading);
    extent->state = State::resident;
  }
}

void KvBook::drop(BlockRun run) {
  auto extent = isolate(run);
  const std::uint64_t end = raw(block_of(run, run.count));
  while (extent != by_id_.end() && extent->first < end) {
    CALVO_EXPECT(extent->state == State::loading);
    used_ -= extent->count;
    const auto next = std::next(extent);
    destroy(extent);
    extent = next;
  }
}

void KvBook::take(std::int64_t slots) {
  CALVO_EXPECT(slots >= 0);
  make_room(slots);
  used_ += slots;
  anonymous_ += slots;
}

void KvBook::give(std::int64_t slots) {
  CALVO_EXPECT(slots >= 0 && slots <= anonymous_);
  used_ -= slots;
  anonymous_ -= slots;
}

void KvBook::adopt(BlockRun run) {
  CALVO_EXPECT(run.count <= anonymous_);
  insert(run, State::resident, 0);
  anonymous_ -= run.count;
}

void KvBook::take_evicted(std::vector<BlockRun>& out) {
  out.insert(out.end(), evicted_.begin(), evicted_.end());
  evicted_.clear();
}

}  // namespace calvo::control
