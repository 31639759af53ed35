#include "traces/arrivals.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "core/random.hpp"
#include "traces/run_dates.hpp"
#include "traces/servegen.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {
namespace {

/// Takes dates in ascending order until there are enough.
class Dates {
public:
  /// `rate`: the option that dates follow; null: they are a file's own.
  Dates(std::int64_t count, double duration_s, const char* rate)
      : count_(count), duration_s_(duration_s), rate_(rate) {}

  bool full() const { return count_ > 0 && std::ssize(dates) == count_; }
  /// False: this date, and so every later one, is not wanted.
  bool take(double date) {
    if (full() || (count_ == 0 && date >= duration_s_)) return false;
    check_run_date(date, rate_ != nullptr ? rate_ : "synthetic.count",
                   rate_ != nullptr ? "raise it, or lower synthetic.count" : "lower it");
    dates.push_back(date);
    return true;
  }

  std::vector<double> dates;

private:
  std::int64_t count_;
  double duration_s_;
  const char* rate_;
};

const char* rate_option(const ArrivalOptions& options) {
  if (options.kind == ArrivalKind::mmpp) return "synthetic.arrival.rates";
  return options.rate > 0 ? "synthetic.arrival.rate" : nullptr;
}

template <class DrawGap>
void renew(Dates& out, DrawGap draw_gap) {
  for (double date = draw_gap(); out.take(date); date += draw_gap()) {
  }
}

void modulated(Dates& out, const ArrivalOptions& options, Random& random) {
  const std::size_t states = options.rates.size();
  double dwell_sum = 0;
  for (const double dwell : options.dwell_s) dwell_sum += dwell;
  std::size_t state = 0;
  for (double left = random.uniform() * dwell_sum - options.dwell_s[0];
       left >= 0 && state + 1 < states; left -= options.dwell_s[state]) {
    ++state;
  }
  double now = 0;
  while (true) {
    const double until = now + random.exponential(options.dwell_s[state]);
    // Memoryless: what is left of a gap at a change of state can be drawn anew.
    while (options.rates[state] > 0) {
      now += random.exponential(1 / options.rates[state]);
      if (now >= until) break;
      if (!out.take(now)) return;
    }
    now = until;
    if (!out.take(now)) return;  // is the time over?
    out.dates.pop_back();
    state = (state + 1 + random.below(states - 1)) % states;
  }
}

/// A gap of mean 1.
double unit_gap(const ArrivalWindow& window, Random& random) {
  if (window.kind == GapShape::gamma) return random.gamma(window.shape, 1 / window.shape);
  return random.weibull(window.shape, 1 / std::tgamma(1 + 1 / window.shape));
}

/// Each client is a renewal process. Its gaps are drawn in units of their mean and spent at the
/// rate of the window, across windows, so that the number of arrivals follows the rates however
/// bursty the client is.
void servegen(Dates& out, const ArrivalOptions& options, std::uint64_t seed) {
  const std::vector<ArrivalWindow> windows = read_servegen(options.file);
  const double begin = windows.front().start_s;
  const double span = windows.back().start_s + servegen_window_s - begin;
  double expected = 0;
  for (const ArrivalWindow& window : windows) expected += window.rate * servegen_window_s;
  const double scale = options.rate > 0 ? options.rate * span / expected : 1;

  struct Client {
    Random random;
    double left = 0;  ///< of the gap that runs, in units of the mean
  };
  std::map<std::int64_t, Client> clients;
  std::vector<double> batch;
  for (double pass_begin = 0;; pass_begin += span) {
    for (std::size_t i = 0; i < windows.size();) {
      const double start = windows[i].start_s;
      batch.clear();
      for (; i < windows.size() && windows[i].start_s == start; ++i) {
        const ArrivalWindow& window = windows[i];
        auto [entry, is_new] = clients.try_emplace(
            window.client, Client{Random(seed, static_cast<std::uint64_t>(window.client)), 0});
        Client& client = entry->second;
        if (is_new) client.left = client.random.uniform() * unit_gap(window, client.random);
        const double rate = window.rate * scale;
        double at = client.left / rate;
        while (at < servegen_window_s) {
          batch.push_back(pass_begin + start - begin + at);
          at += unit_gap(window, client.random) / rate;
        }
        client.left = (at - servegen_window_s) * rate;
      }
      std::ranges::sort(batch);
      for (const double date : batch) {
        if (!out.take(date)) return;
      }
      if (batch.empty() && !out.take(pass_begin + start - begin)) return;
      if (batch.empty()) out.dates.pop_back();
    }
  }
}

void from_trace(Dates& out, const ArrivalOptions& options) {
  const Trace trace = read_trace(options.file);
  std::vector<double> traced;
  for (const TraceRequest& request : trace.requests) {
    if (request.arrival_ms != no_date) traced.push_back(request.arrival_ms / 1000);
  }
  std::ranges::sort(traced);
  if (traced.size() < 2 || traced.back() <= traced.front()) {
    throw InputError({options.file, 0, 0}, "",
                     "has no two requests with different dates; give an open-loop trace");
  }
  const double first = traced.front();
  const double gaps = static_cast<double>(traced.size() - 1);
  const double mean_gap = (traced.back() - first) / gaps;
  const double scale = options.rate > 0 ? options.rate * mean_gap : 1;
  for (double pass_begin = 0;; pass_begin += (traced.back() - first) + mean_gap) {
    for (const double date : traced) {
      if (!out.take((pass_begin + date - first) / scale)) return;
    }
  }
}

}  // namespace

std::vector<double> arrival_dates(const ArrivalOptions& options, std::int64_t count,
                                  double duration_s, std::uint64_t seed) {
  CALVO_EXPECT(count > 0 || duration_s > 0);
  Dates out(count, duration_s, rate_option(options));
  Random random(seed);
  switch (options.kind) {
    case ArrivalKind::poisson:
      renew(out, [&] { return random.exponential(1 / options.rate); });
      break;
    case ArrivalKind::gamma: {
      const double shape = 1 / (options.cv * options.cv);
      renew(out, [&] { return random.gamma(shape, 1 / (options.rate * shape)); });
      break;
    }
    case ArrivalKind::mmpp:
      modulated(out, options, random);
      break;
    case ArrivalKind::uniform:
      for (std::int64_t i = 0; out.take(static_cast<double>(i) / options.rate); ++i) {
      }
      break;
    case ArrivalKind::at_once:
      CALVO_EXPECT(count > 0);
      while (out.take(0)) {
      }
      break;
    case ArrivalKind::servegen:
      servegen(out, options, seed);
      break;
    case ArrivalKind::trace:
      from_trace(out, options);
      break;
  }
  return std::move(out.dates);
}

}  // namespace calvo::traces
