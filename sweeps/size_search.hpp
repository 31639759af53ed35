// The cheapest combination that meets the objectives, with as few simulations as can be.
#pragma once

#include <optional>
#include <vector>

#include "sweeps/size_catalogue.hpp"

namespace calvo::sweeps {

/// Asks of one combination after the other whether it meets the target, until the cheapest that
/// does is known.
///
/// A combination that meets it rules out all that come after it by price. One that misses it rules
/// out those that are no better: the same options in every slot, but for earlier ones in slots that
/// are `ordered`. Of those left it asks next for the one that rules out most, whatever the answer:
/// a bisection where slots are ordered. Where none is, a miss rules out nothing else, and they are
/// tried from the cheapest on. So the answer is exact as far as the order of the slots is true.
class CheapestSearch {
public:
  /// Requires: `combinations` by price; `ordered` as long as each choice. They are kept.
  CheapestSearch(std::vector<Combination> combinations, std::vector<bool> ordered);

  enum class Answer { meets, misses, impossible };  ///< impossible: it cannot be simulated

  /// The position of the combination to try next; none: the search is over.
  std::optional<std::size_t> next() const;
  void tell(std::size_t position, Answer answer);

  /// The cheapest that meets it, of those that were tried.
  std::optional<std::size_t> best() const { return best_; }
  const std::vector<Combination>& combinations() const { return combinations_; }
  std::size_t undecided() const { return left_.size(); }

private:
  bool no_better(std::size_t position, std::size_t than) const;

  std::vector<Combination> combinations_;
  std::vector<bool> ordered_;
  std::vector<std::size_t>
      left_;  ///< positions that may be the answer or rule out others, ascending
  std::optional<std::size_t> best_;
};

/// For each slot, the combination that differs from `of` in a cheaper option there and costs least
/// less, if there is one; then the combination before `of` by price. Positions, each once.
std::vector<std::size_t> savings(const std::vector<Combination>& combinations, std::size_t of);

}  // namespace calvo::sweeps
