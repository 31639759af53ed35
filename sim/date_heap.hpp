// A 4-ary min-heap of dates whose members can be moved and removed: which flow ends first.
#pragma once

#include <cstdint>
#include <vector>

namespace calvo::sim {

/// Members are small integers (slots), each at most once. Order: (date, sequence), so equal dates
/// come out in the order of their sequence numbers. All operations O(log n); no allocation once
/// the heap has had its largest size.
class DateHeap {
public:
  bool empty() const { return entries_.empty(); }
  std::uint32_t top() const { return entries_.front().slot; }
  double top_date() const { return entries_.front().date; }

  void insert(std::uint32_t slot, double date, std::uint64_t sequence);
  void update(std::uint32_t slot, double date);
  void remove(std::uint32_t slot);
  double date_of(std::uint32_t slot) const { return entries_[position_[slot]].date; }

private:
  struct Entry {
    double date;
    std::uint64_t sequence;
    std::uint32_t slot;
  };
  static bool before(const Entry& a, const Entry& b) {
    return a.date != b.date ? a.date < b.date : a.sequence < b.sequence;
  }
  void put(std::size_t at, const Entry& entry) {
    entries_[at] = entry;
    position_[entry.slot] = static_cast<std::uint32_t>(at);
  }
  void sift_up(std::size_t at, const Entry& entry);
  void sift_down(std::size_t at, const Entry& entry);
  void settle(std::size_t at, const Entry& entry);

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> position_;  ///< by slot
};

}  // namespace calvo::sim
