// Names that the user may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace calvo {

/// Up to `limit` of `known` that are near `wanted`, nearest first (ties in the order of `known`):
/// by edit distance with transpositions, case ignored, at most a third of the letters (two at
/// least) apart; or one the beginning of the other.
std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> known,
                                       std::size_t limit = 3);

/// The remedy that follows an unknown name: ` (did you mean "a" or "b"?)` when some are near,
/// else ` (one of: a, b, c)` with all of them; empty when nothing is known.
std::string suggestion(std::string_view wanted, std::span<const std::string> known);
std::string suggestion(std::string_view wanted, std::span<const std::string_view> known);

}  // namespace calvo
