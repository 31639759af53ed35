#include "traces/trace_info.hpp"

#include <algorithm>
#include <cmath>

namespace calvo::traces {
namespace {

Quantiles quantiles(std::vector<double> values) {
  Quantiles result;
  result.count = std::ssize(values);
  if (values.empty()) return result;
  std::ranges::sort(values);
  double sum = 0;
  for (const double value : values) sum += value;
  const auto at = [&](double share) {
    const double rank = std::ceil(share * static_cast<double>(values.size()));
    return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  };
  result.mean = sum / static_cast<double>(values.size());
  result.p50 = at(0.5);
  result.p90 = at(0.9);
  result.p99 = at(0.99);
  result.max = values.back();
  return result;
}

/// Most dates in one of the windows [k w, (k + 1) w) over the mean of the windows that the dates
/// span; the last one may be cut.
double peak_over_mean(const std::vector<double>& dates_s, double window_s) {
  const double first = dates_s.front();
  const double windows = std::max(1.0, (dates_s.back() - first) / window_s);
  std::size_t most = 0;
  for (std::size_t i = 0; i < dates_s.size();) {
    const double window = std::floor((dates_s[i] - first) / window_s);
    std::size_t end = i;
    while (end < dates_s.size() && std::floor((dates_s[end] - first) / window_s) == window) ++end;
    most = std::max(most, end - i);
    i = end;
  }
  return static_cast<double>(most) * windows / static_cast<double>(dates_s.size());
}

void describe_arrivals(const Trace& trace, TraceInfo& info) {
  std::vector<double> dates;
  for (const TraceRequest& request : trace.requests) {
    if (request.arrival_ms != no_date) dates.push_back(request.arrival_ms / 1000);
  }
  if (dates.size() < 2) return;
  std::ranges::sort(dates);
  info.span_s = dates.back() - dates.front();
  const double gaps = static_cast<double>(dates.size() - 1);
  const double mean = info.span_s / gaps;
  double squares = 0;
  for (std::size_t i = 1; i < dates.size(); ++i) {
    const double gap = dates[i] - dates[i - 1];
    squares += (gap - mean) * (gap - mean);
    if (gap == 0) ++info.at_same_time;
  }
  if (info.span_s == 0) return;
  info.rate = 1 / mean;
  info.gap_cv = std::sqrt(squares / gaps) / mean;
  info.peak_10s = peak_over_mean(dates, 10);
  info.peak_60s = peak_over_mean(dates, 60);
}

void describe_sessions(const Trace& trace, TraceInfo& info) {
  struct Count {
    std::int64_t requests = 0;
    std::int64_t turns = 0;
  };
  std::vector<Count> counts(trace.sessions.size());
  std::vector<double> user;
  std::vector<double> tool;
  std::vector<double> other;
  std::vector<double> appended;
  for (const TraceRequest& request : trace.requests) {
    Count& count = counts[static_cast<std::size_t>(request.session)];
    ++count.requests;
    if (request.stream == 0) ++count.turns;
    if (request.stream > 0 && request.turn == 0) ++info.sub_agents;
    if (request.previous < 0) continue;
    const TraceRequest& before = trace.requests[static_cast<std::size_t>(request.previous)];
    if (request.input >= before.input) appended.push_back(request.input - before.input);
    if (request.gap_ms < 0) continue;
    auto& gaps = request.gap_kind == GapKind::user   ? user
                 : request.gap_kind == GapKind::tool ? tool
                                                     : other;
    gaps.push_back(request.gap_ms / 1000);
  }
  std::vector<double> turns;
  for (const Count& count : counts) {
    if (count.requests > 1) turns.push_back(static_cast<double>(count.turns));
  }
  info.sessions = std::ssize(turns);
  info.turns = quantiles(std::move(turns));
  info.think_user_s = quantiles(std::move(user));
  info.think_tool_s = quantiles(std::move(tool));
  info.think_other_s = quantiles(std::move(other));
  info.appended = quantiles(std::move(appended));
}

}  // namespace

TraceInfo trace_info(const Trace& trace, const InfoOptions& options) {
  TraceInfo info;
  info.file = trace.file;
  info.format = trace.format;
  info.block_tokens = trace.block_tokens.count();
  info.closed_loop = trace.closed_loop;
  info.requests = std::ssize(trace.requests);
  std::vector<double> input;
  std::vector<double> output;
  for (const TraceRequest& request : trace.requests) {
    input.push_back(request.input);
    output.push_back(request.output);
    info.input_tokens += request.input;
    info.output_tokens += request.output;
  }
  info.input = quantiles(std::move(input));
  info.output = quantiles(std::move(output));
  describe_arrivals(trace, info);
  describe_sessions(trace, info);
  info.prefix = simulate_lru(trace, {infinite_blocks}, options.shared_prefix).front();
  info.lru = simulate_lru(trace, options.lru, options.shared_prefix);
  return info;
}

TraceInfo trace_info(const std::string& file, const InfoOptions& options) {
  return trace_info(read_trace(file, options.read), options);
}

}  // namespace calvo::traces
