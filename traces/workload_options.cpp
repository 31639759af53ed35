#include "traces/workload_options.hpp"

#include <cmath>

#include <fmt/format.h>

namespace calvo::traces {
namespace {

using Problem = std::optional<OptionProblem>;

/// The first problem of a list of checks; each adds the field's path on the way out.
class Checks {
public:
  explicit Checks(std::string path) : path_(std::move(path)) {}

  void above_zero(const char* field, double value) {
    if (!(value > 0) || !std::isfinite(value)) {
      add(field, fmt::format("must be above 0, is \"{}\"", value));
    }
  }
  void at_least(const char* field, double least, double value) {
    if (!(value >= least) || !std::isfinite(value)) {
      add(field, fmt::format("must be at least {}, is \"{}\"", least, value));
    }
  }
  void between(const char* field, double low, double high, double value) {
    if (!(value >= low && value <= high)) {
      add(field, fmt::format("must be between {} and {}, is \"{}\"", low, high, value));
    }
  }
  void add(const char* field, std::string problem) {
    if (!first_) first_ = OptionProblem{path_ + field, std::move(problem)};
  }
  void inner(const Problem& problem) {
    if (!first_) first_ = problem;
  }
  const Problem& first() const { return first_; }

private:
  std::string path_;
  Problem first_;
};

Problem problem_in(const LengthDistribution& lengths, const std::string& path) {
  Checks checks(path + ".");
  checks.between("low", 0, 1e9, static_cast<double>(lengths.low.count()));
  checks.between("high", 0, 1e9, static_cast<double>(lengths.high.count()));
  switch (lengths.kind) {
    case LengthKind::fixed:
      checks.between("mean", 0, 1e9, lengths.mean);
      break;
    case LengthKind::lognormal:
      checks.between("mean", 0, 1e9, lengths.mean);
      checks.between("cv", 0, 100, lengths.cv);
      break;
    case LengthKind::uniform:
      if (lengths.high < lengths.low) {
        checks.add("high", fmt::format("must be at least low, {}, is \"{}\"", lengths.low.count(),
                                       lengths.high.count()));
      }
      break;
    case LengthKind::empirical:
      if (lengths.values.empty() && lengths.file.empty()) {
        checks.add("values", "missing; give values or a trace file to draw from");
      }
      for (const double value : lengths.values) checks.between("values", 0, 1e9, value);
      break;
  }
  if (lengths.kind != LengthKind::uniform && lengths.high.count() > 0 &&
      lengths.high < lengths.low) {
    checks.add("high", fmt::format("must be at least low, {}, is \"{}\"", lengths.low.count(),
                                   lengths.high.count()));
  }
  return checks.first();
}

/// A length that is 1 at least, whatever is drawn.
Problem problem_in_needed(const LengthDistribution& lengths, const std::string& path) {
  Checks checks(path + ".");
  checks.inner(problem_in(lengths, path));
  if (lengths.kind == LengthKind::fixed || lengths.kind == LengthKind::lognormal) {
    checks.at_least("mean", 1, lengths.mean);
  }
  if (lengths.kind == LengthKind::uniform) {
    checks.at_least("high", 1, static_cast<double>(lengths.high.count()));
  }
  return checks.first();
}

Problem problem_in(const ArrivalOptions& arrival, const std::string& path) {
  Checks checks(path + ".");
  switch (arrival.kind) {
    case ArrivalKind::gamma:
      checks.between("cv", 0.01, 100, arrival.cv);
      [[fallthrough]];
    case ArrivalKind::poisson:
    case ArrivalKind::uniform:
      checks.above_zero("rate", arrival.rate);
      break;
    case ArrivalKind::mmpp: {
      if (arrival.rates.size() < 2) checks.add("rates", "needs at least two states");
      if (arrival.dwell_s.size() != arrival.rates.size()) {
        checks.add("dwell", fmt::format("must have one value a rate, has \"{}\" for {} rates",
                                        arrival.dwell_s.size(), arrival.rates.size()));
      }
      double fastest = 0;
      for (const double rate : arrival.rates) {
        checks.at_least("rates", 0, rate);
        fastest = std::max(fastest, rate);
      }
      checks.above_zero("rates", fastest);
      for (const double dwell : arrival.dwell_s) checks.above_zero("dwell", dwell);
      break;
    }
    case ArrivalKind::at_once:
      break;
    case ArrivalKind::servegen:
    case ArrivalKind::trace:
      checks.at_least("rate", 0, arrival.rate);
      if (arrival.file.empty()) checks.add("file", "missing; name the table or trace to follow");
      break;
  }
  return checks.first();
}

Problem problem_in(const SyntheticOptions& synthetic) {
  Checks checks("synthetic.");
  checks.inner(problem_in(synthetic.arrival, "synthetic.arrival"));
  checks.between("count", 0, 1e8, static_cast<double>(synthetic.count));
  checks.at_least("duration", 0, synthetic.duration_s);
  if (synthetic.count == 0 && !(synthetic.duration_s > 0)) {
    checks.add("count", "missing; give a count or a duration");
  }
  if (synthetic.count == 0 && synthetic.arrival.kind == ArrivalKind::at_once) {
    checks.add("count", "missing; requests that come at once need a count");
  }
  checks.inner(problem_in(synthetic.shared_prefix, "synthetic.shared_prefix"));
  checks.inner(problem_in(synthetic.context, "synthetic.context"));
  checks.inner(problem_in_needed(synthetic.query, "synthetic.query"));
  checks.inner(problem_in_needed(synthetic.output, "synthetic.output"));
  checks.between("contexts", 0, 1e7, static_cast<double>(synthetic.contexts));
  for (const double hit : synthetic.hit_fractions) checks.between("hit_fractions", 0, 1, hit);
  return checks.first();
}

Problem problem_in(const TraceOptions& trace) {
  Checks checks("");
  const OpenLoopOptions& open = trace.open;
  const ClosedLoopOptions& closed = trace.closed;
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  if (trace.file.empty()) checks.add("file", "missing; name the trace to play");
  checks.between("block_tokens", 0, 1e6, number(trace.block_tokens.count()));
  checks.above_zero("open.rate_scale", open.rate_scale);
  checks.at_least("open.first_requests", 0, number(open.first_requests));
  checks.at_least("open.start", 0, open.start_s);
  checks.at_least("open.duration", 0, open.duration_s);
  checks.between("open.repeat", 1, 1e6, number(open.repeat));
  checks.at_least("open.max_context", 0, number(open.max_context.count()));
  checks.at_least("closed.live_sessions", 1, number(closed.live_sessions));
  checks.between("closed.shared_prefix", 0, 1, closed.shared_prefix);
  checks.at_least("closed.max_context", 0, number(closed.max_context.count()));
  checks.at_least("closed.user_gap_cap", 0, closed.user_gap_cap_s);
  checks.at_least("closed.tool_overhead", 0, closed.tool_overhead_s);
  checks.at_least("closed.min_tool", 0, closed.min_tool_s);
  checks.at_least("closed.think_scale", 0, closed.think_scale);
  if (!std::isfinite(closed.start_jitter_s)) checks.add("closed.start_jitter", "must be finite");
  checks.at_least("closed.skip_sessions", 0, number(closed.skip_sessions));
  checks.at_least("closed.max_sessions", 0, number(closed.max_sessions));
  checks.at_least("closed.max_requests", 0, number(closed.max_requests));
  checks.at_least("closed.max_turns", 0, number(closed.max_turns));
  return checks.first();
}

Problem problem_in(const std::vector<InlineRequest>& requests) {
  if (requests.empty()) return OptionProblem{"requests", "missing; write at least one request"};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Checks checks(fmt::format("requests[{}].", i));
    checks.between("at", 0, longest_run.count(), requests[i].at_s);
    checks.between("context", 0, 1e9, static_cast<double>(requests[i].context.count()));
    checks.between("query", 1, 1e9, static_cast<double>(requests[i].query.count()));
    checks.between("output", 1, 1e9, static_cast<double>(requests[i].output.count()));
    if (checks.first()) return checks.first();
  }
  return std::nullopt;
}

}  // namespace

Problem problem_in(const WorkloadOptions& options) {
  switch (options.kind) {
    case WorkloadKind::trace:
      return problem_in(options.trace);
    case WorkloadKind::synthetic:
      return problem_in(options.synthetic);
    case WorkloadKind::requests:
      break;
  }
  return problem_in(options.requests);
}

}  // namespace calvo::traces
