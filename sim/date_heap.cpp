#include "sim/date_heap.hpp"

#include <algorithm>

namespace calvo::sim {

void DateHeap::insert(std::uint32_t slot, double date, std::uint64_t sequence) {
  if (slot >= position_.size()) position_.resize(slot + 1);
  entries_.emplace_back();
  sift_up(entries_.size() - 1, {date, sequence, slot});
}

void DateHeap::update(std::uint32_t slot, double date) {
  const std::size_t at = position_[slot];
  settle(at, {date, entries_[at].sequence, slot});
}

void DateHeap::remove(std::uint32_t slot) {
  const std::size_t at = position_[slot];
  const Entry last = entries_.back();
  entries_.pop_back();
  if (at < entries_.size()) settle(at, last);
}

void DateHeap::settle(std::size_t at, const Entry& entry) {
  if (at > 0 && before(entry, entries_[(at - 1) / 4])) {
    sift_up(at, entry);
  } else {
    sift_down(at, entry);
  }
}

void DateHeap::sift_up(std::size_t at, const Entry& entry) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / 4;
    if (!before(entry, entries_[parent])) break;
    put(at, entries_[parent]);
    at = parent;
  }
  put(at, entry);
}

void DateHeap::sift_down(std::size_t at, const Entry& entry) {
  const std::size_t size = entries_.size();
  for (;;) {
    const std::size_t first = 4 * at + 1;
    if (first >= size) break;
    std::size_t best = first;
    for (std::size_t child = first + 1; child < std::min(first + 4, size); ++child) {
      if (before(entries_[child], entries_[best])) best = child;
    }
    if (!before(entries_[best], entry)) break;
    put(at, entries_[best]);
    at = best;
  }
  put(at, entry);
}

}  // namespace calvo::sim
