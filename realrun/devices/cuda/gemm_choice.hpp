// Which algorithm of a library multiplies two matrices: looked up by shape, found by trying.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/units.hpp"

namespace calvo::realrun {

/// y [rows][columns] = x [rows][depth] * w [depth][columns], all in bf16, or y in float.
struct GemmKey {
  std::int64_t rows = 0;  ///< row_bucket() of them
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  bool to_float = false;

  auto operator<=>(const GemmKey&) const = default;
};

/// Rows that share an algorithm: the next of 1, 2, 4, ..., 64, then powers of two and one between
/// each two of them. Requires: rows > 0.
std::int64_t row_bucket(std::int64_t rows);

/// Times of one candidate; empty where the library refused to run it.
using GemmTimes = std::span<const Seconds>;

/// The candidate with the least median, the earliest of equal ones: a library names the one that it
/// expects most of first. Requires: one of them has times.
std::size_t fastest(std::span<const GemmTimes> candidates);

}  // namespace calvo::realrun
