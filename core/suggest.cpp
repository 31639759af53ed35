#include "core/suggest.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace calvo {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Optimal string alignment (Damerau-Levenshtein without repeated edits of one substring).
std::size_t distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> cost((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& { return cost[i * width + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
      }
    }
  }
  return at(a.size(), b.size());
}

bool begins(std::string_view text, std::string_view beginning) {
  return beginning.size() >= 3 && text.starts_with(beginning);
}

std::string joined(std::span<const std::string> names, std::string_view mark) {
  std::string result;
  for (const std::string& name : names) {
    if (!result.empty()) result += mark == "\"" ? " or " : ", ";
    result += std::string(mark) + name + std::string(mark);
  }
  return result;
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> known,
                                       std::size_t limit) {
  const std::string target = lower(wanted);
  std::vector<std::pair<std::size_t, std::size_t>> ranked;  // (distance, index)
  for (std::size_t i = 0; i < known.size(); ++i) {
    const std::string name = lower(known[i]);
    const std::size_t longest = std::max(name.size(), target.size());
    const std::size_t apart = distance(target, name);
    const bool near = apart <= std::max<std::size_t>(2, longest / 3) && apart < longest;
    if (near || begins(name, target) || begins(target, name)) ranked.emplace_back(apart, i);
  }
  std::ranges::sort(ranked);
  std::vector<std::string> result;
  for (const auto& [apart, index] : ranked) {
    // A name that is much farther than the nearest one only confuses.
    if (result.size() == limit || apart > ranked.front().first + 1) break;
    result.push_back(known[index]);
  }
  return result;
}

std::string suggestion(std::string_view wanted, std::span<const std::string> known) {
  if (known.empty()) return "";
  const std::vector<std::string> near = nearest_names(wanted, known);
  if (!near.empty()) return " (did you mean " + joined(near, "\"") + "?)";
  return " (one of: " + joined(known, "") + ")";
}

std::string suggestion(std::string_view wanted, std::span<const std::string_view> known) {
  const std::vector<std::string> names(known.begin(), known.end());
  return suggestion(wanted, std::span<const std::string>(names));
}

}  // namespace calvo
