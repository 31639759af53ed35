#include "sweeps/size_search.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/contract.hpp"

namespace calvo::sweeps {
namespace {

constexpr std::size_t most_looked_at = 256;  // of those left, when one is chosen

}  // namespace

CheapestSearch::CheapestSearch(std::vector<Combination> combinations, std::vector<bool> ordered)
    : combinations_(std::move(combinations)),
      ordered_(std::move(ordered)),
      left_(combinations_.size()) {
  CALVO_EXPECT(std::ranges::is_sorted(combinations_, {}, &Combination::price));
  std::iota(left_.begin(), left_.end(), std::size_t{0});
}

bool CheapestSearch::no_better(std::size_t position, std::size_t than) const {
  const std::vector<std::size_t>& a = combinations_[position].choice;
  const std::vector<std::size_t>& b = combinations_[than].choice;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ordered_[i] ? a[i] > b[i] : a[i] != b[i]) return false;
  }
  return true;
}

std::optional<std::size_t> CheapestSearch::next() const {
  if (left_.empty()) return std::nullopt;
  const std::size_t step = (left_.size() + most_looked_at - 1) / most_looked_at;
  std::size_t chosen = left_.front();
  std::size_t most = 0;
  for (std::size_t i = 0; i < left_.size(); i += step) {
    const std::size_t if_met = left_.size() - i;
    if (if_met <= most) break;
    const auto if_missed = static_cast<std::size_t>(std::ranges::count_if(
        left_, [&](std::size_t other) { return no_better(other, left_[i]); }));
    if (std::min(if_met, if_missed) <= most) continue;
    most = std::min(if_met, if_missed);
    chosen = left_[i];
  }
  return chosen;
}

void CheapestSearch::tell(std::size_t position, Answer answer) {
  CALVO_EXPECT(std::ranges::binary_search(left_, position));
  if (answer == Answer::meets) {
    best_ = position;  // all that are left are cheaper than those that met it before
    std::erase_if(left_, [&](std::size_t other) { return other >= position; });
  } else if (answer == Answer::misses) {
    std::erase_if(left_, [&](std::size_t other) { return no_better(other, position); });
  } else {
    std::erase(left_, position);
  }
}

std::vector<std::size_t> savings(const std::vector<Combination>& combinations, std::size_t of) {
  std::vector<std::size_t> found;
  const std::vector<std::size_t>& choice = combinations[of].choice;
  for (std::size_t slot = 0; slot < choice.size(); ++slot) {
    for (std::size_t position = of; position-- > 0;) {
      if (!(combinations[position].price < combinations[of].price)) continue;
      std::vector<std::size_t> other = combinations[position].choice;
      if (other[slot] == choice[slot]) continue;
      other[slot] = choice[slot];
      if (other != choice) continue;
      found.push_back(position);
      break;
    }
  }
  for (std::size_t position = of; position-- > 0;) {
    if (!(combinations[position].price < combinations[of].price)) continue;
    if (std::ranges::find(found, position) == found.end()) found.push_back(position);
    break;
  }
  return found;
}

}  // namespace calvo::sweeps
