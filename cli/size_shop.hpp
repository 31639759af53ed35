// What `calvo size` does between its command line and its answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/search_work.hpp"
#include "scenarios/load.hpp"
#include "sweeps/sizing.hpp"

namespace calvo::cli {

/// What is asked for.
struct SizeQuestion {
  SearchOptions search;
  std::string catalogue;  ///< file
  double target = 0.9;    ///< attainment
  std::string rate;       ///< empty: the scenario's
  bool reserve = false;
};

/// Simulates combinations of a catalogue until the cheapest is known, and keeps what they came to.
class Shop {
public:
  /// `question` outlives it. Throws InputError for all that is wrong with the scenario, the
  /// catalogue, and each option of it on the scenario.
  explicit Shop(const SizeQuestion& question);

  /// Returns whether it was interrupted.
  bool search();

  const sweeps::Sizing& sizing() const { return sizing_; }
  /// Tells the interruption and returns the exit code.
  int told_interruption() const;

private:
  void check_rate() const;
  void check_options() const;
  sweeps::SweepFile sweep() const;
  void tell(const sweeps::CheapestSearch& search, std::size_t position) const;
  /// These return whether they were interrupted.
  bool simulate(const std::vector<std::size_t>& positions);
  bool find_reserve();

  const SizeQuestion& question_;
  std::vector<scenarios::Setting> settings_;  ///< of the command line
  std::string text_;                          ///< of the scenario
  std::string rate_;
  sweeps::Sizing sizing_;
  std::optional<SearchWork> work_;
};

}  // namespace calvo::cli
