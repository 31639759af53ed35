// A 4-ary heap whose smallest element can be raised in place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace calvo::sim {

/// `Before` is a strict order as a default-constructible function object. Four children a node:
/// half the depth of a binary heap, and the children share a cache line or two.
/// No allocation once the heap has had its largest size.
template <class T, class Before>
class MinHeap {
public:
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  const T& top() const { return items_.front(); }

  void push(const T& item) {
    items_.push_back(item);
    std::size_t at = items_.size() - 1;
    while (at > 0 && before_(item, items_[(at - 1) / 4])) {
      items_[at] = items_[(at - 1) / 4];
      at = (at - 1) / 4;
    }
    items_[at] = item;
  }

  void pop() {
    const T last = items_.back();
    items_.pop_back();
    if (!items_.empty()) sink(0, last);
  }

  /// Puts `item` in place of the top: cheap where it is not much larger.
  void replace_top(const T& item) { sink(0, item); }

  /// For many at once: append() them all, then order() once, O(n).
  void clear() { items_.clear(); }
  void append(const T& item) { items_.push_back(item); }
  void order() {
    if (items_.size() < 2) return;
    for (std::size_t at = (items_.size() - 2) / 4 + 1; at-- > 0;) sink(at, T(items_[at]));
  }

private:
  void sink(std::size_t at, const T& item) {
    for (;;) {
      const std::size_t first = 4 * at + 1;
      if (first >= items_.size()) break;
      std::size_t best = first;
      for (std::size_t child = first + 1; child < std::min(first + 4, items_.size()); ++child) {
        if (before_(items_[child], items_[best])) best = child;
      }
      if (!before_(items_[best], item)) break;
      items_[at] = items_[best];
      at = best;
    }
    items_[at] = item;
  }

  std::vector<T> items_;
  [[no_unique_address]] Before before_;
};

}  // namespace calvo::sim
