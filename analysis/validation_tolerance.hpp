// How far off is too far: limits that a validation is held to.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/validation.hpp"
#include "core/input_error.hpp"

namespace calvo::analysis {

/// Limits by key. The keys:
///   ttft_mean, ttft_p50, ttft_p90, ttft_p99   median over cells of |relative error|
///   attainment                                median over cells of |error|, at the worst SLO scale
///   worst_ttft_mean ... worst_attainment      the same of the worst cell
///   flipped_pairs                             pairs that really differ and the simulator reverses
class Tolerances {
public:
  struct Limit {
    double value = 0;       ///< a share; flipped_pairs: a count
    bool asked_for = true;  ///< by the user: one that nothing can be held to then counts as broken
  };

  /// ttft_p50=5 %, ttft_p99=10 %, attainment=3 points, flipped_pairs=0; the others do not bind.
  Tolerances();

  /// Applies "key=value", or every entry of the YAML file of that name. Values: a share ("5 %"),
  /// attainments also "3 points", flipped_pairs a whole number; "none" lifts a limit. Throws
  /// InputError.
  void apply(const std::string& argument);

  const std::map<std::string, Limit>& limits() const { return limits_; }

private:
  void set(const SourcePos& pos, const std::string& key, const std::string& value);

  std::map<std::string, Limit> limits_;
};

/// One limit and what it found.
struct Check {
  std::string key;
  double limit = 0;
  std::optional<double> value;  ///< none if there is nothing to judge
  std::string worst_cell;       ///< of worst_ keys
  bool passed = true;
};

struct Verdict {
  bool passed = true;
  bool on_held_out = false;  ///< medians and worst cases are of hold-out scenarios; else of all
  std::vector<Check> checks;
  std::vector<std::string> unmeasured;  ///< "scenario / engine" without a valid real run: a failure
};

/// Medians and worst cases are taken over the hold-out scenarios where some are named, else over
/// all; flipped pairs are counted everywhere.
Verdict judge(const Validation& validation, const Tolerances& tolerances);

}  // namespace calvo::analysis
