#include "sweeps/check_cells.hpp"

#include <fmt/format.h>

namespace calvo::sweeps {
namespace {

class Checker {
public:
  explicit Checker(const Plan& plan) : plan_(plan) {}

  scenarios::WorkloadFacts facts_of(const Cell& cell) {
    try {
      return scenarios::check_scenario_text(plan_.file().scenario_text, plan_.file().scenario_path,
                                            plan_.load_options(cell, plan_.seeds().front()),
                                            known_);
    } catch (const InputError& error) {
      throw InputError(error, fmt::format(" (in the cell \"{}\")", cell.name));
    }
  }

private:
  const Plan& plan_;
  scenarios::KnownWorkloads known_;
};

/// A trace of sessions has no dates that a rate could scale.
void refuse_rate_without_effect(const Plan& plan, const Cell& cell) {
  throw InputError({plan.file().path, 0, 0}, plan.rate_key(),
                   fmt::format("changes no arrival of \"{}\": its trace is played closed_loop, "
                               "where requests follow the ends of others; give "
                               "workload.trace.closed.live_sessions as an axis instead",
                               cell.name));
}

}  // namespace

void check_cells(const Plan& plan) {
  Checker checker(plan);
  std::vector<Instant> last_starts;
  for (const Cell& cell : plan.grid()) last_starts.push_back(checker.facts_of(cell).last_start);
  const bool scales = plan.rate_key() == rate_keys[1];
  for (const RateGroup& group : plan.groups()) {
    if (!scales || group.grid.size() < 2) continue;
    const std::size_t slowest = group.grid.front();
    const std::size_t quickest = group.grid.back();
    if (last_starts[slowest] != last_starts[quickest]) continue;
    refuse_rate_without_effect(plan, plan.grid()[quickest]);
  }
  const auto& search = plan.file().goodput.search;
  for (std::size_t group = 0; search && group < plan.groups().size(); ++group) {
    const Cell quickest = plan.cell_at(group, search->to);
    const Instant slow = checker.facts_of(plan.cell_at(group, search->from)).last_start;
    const Instant quick = checker.facts_of(quickest).last_start;
    if (scales && slow == quick) refuse_rate_without_effect(plan, quickest);
  }
}

}  // namespace calvo::sweeps
