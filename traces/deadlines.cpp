#include "traces/deadlines.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/contract.hpp"
#include "core/random.hpp"

namespace calvo::traces {
namespace {

constexpr std::uint64_t deadline_stream =
    0x646561646c696e65;  ///< apart from the workload's streams

Nanoseconds scaled(double factor, Nanoseconds time) {
  return rounded_nanoseconds(factor * static_cast<double>(time.count()));
}

Nanoseconds median_isolated(std::span<const RequestSpec> requests) {
  std::vector<Nanoseconds> times;
  for (const RequestSpec& request : requests) times.push_back(request.isolated_ttft);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>((times.size() - 1) / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

}  // namespace

std::optional<OptionProblem> problem_in(const DeadlineRule& rule) {
  const auto usable = [](double value) { return value > 0 && value <= 1e6; };
  switch (rule.kind) {
    case DeadlineKind::none:
      break;
    case DeadlineKind::isolated_factor:
      if (rule.factors.empty()) {
        return OptionProblem{"deadlines.factors", "missing; give at least one factor"};
      }
      for (const double factor : rule.factors) {
        if (!usable(factor)) {
          return OptionProblem{"deadlines.factors",
                               fmt::format("must be above 0 and at most 1e6, is \"{}\"", factor)};
        }
      }
      break;
    case DeadlineKind::fixed:
      if (rule.ttft.count() <= 0) return OptionProblem{"deadlines.ttft", "must be above 0"};
      break;
    case DeadlineKind::low_load_multiple:
      if (!usable(rule.multiple)) {
        return OptionProblem{
            "deadlines.multiple",
            fmt::format("must be above 0 and at most 1e6, is \"{}\"", rule.multiple)};
      }
      break;
  }
  return std::nullopt;
}

void assign_deadlines(std::span<RequestSpec> requests, const DeadlineRule& rule,
                      std::uint64_t seed) {
  CALVO_EXPECT(!problem_in(rule));
  if (requests.empty()) return;
  const std::uint64_t own_seed = Random(seed, deadline_stream).bits();
  const Nanoseconds median =
      rule.kind == DeadlineKind::low_load_multiple ? median_isolated(requests) : Nanoseconds{0};
  for (RequestSpec& request : requests) {
    switch (rule.kind) {
      case DeadlineKind::none:
        request.deadline = Nanoseconds::max();
        break;
      case DeadlineKind::isolated_factor: {
        CALVO_EXPECT(request.isolated_ttft.count() > 0);
        Random random(own_seed, raw(request.id));
        request.deadline =
            scaled(rule.factors[random.below(rule.factors.size())], request.isolated_ttft);
        break;
      }
      case DeadlineKind::fixed:
        request.deadline = rule.ttft;
        break;
      case DeadlineKind::low_load_multiple:
        CALVO_EXPECT(median.count() > 0);
        request.deadline = scaled(rule.multiple, median);
        break;
    }
  }
}

}  // namespace calvo::traces
