// Everything that a scenario may say about its requests, in one plain struct.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/units.hpp"
#include "traces/workload.hpp"

namespace calvo::traces {

enum class LengthKind : std::uint8_t { fixed, uniform, lognormal, empirical };
enum class LengthColumn : std::uint8_t { input, output };

/// A distribution of token counts. A draw is rounded to whole tokens and then held to [low, high].
struct LengthDistribution {
  LengthKind kind = LengthKind::fixed;
  double mean = 0;             ///< fixed: the value; lognormal: the mean (not the median)
  double cv = 0;               ///< lognormal: standard deviation / mean
  Tokens low{0};               ///< uniform: smallest value; others: lower bound
  Tokens high{0};              ///< uniform: largest value; others: upper bound, 0: none
  std::vector<double> values;  ///< empirical: each with equal probability, or from `file`
  std::string file;            ///< empirical: a trace whose `column` is drawn from
  LengthColumn column = LengthColumn::input;
};

inline LengthDistribution fixed_length(double tokens) {
  LengthDistribution length;
  length.mean = tokens;
  return length;
}

enum class ArrivalKind : std::uint8_t {
  poisson,   ///< `rate`
  gamma,     ///< renewal process, `rate` and `cv` of the gaps
  mmpp,      ///< Poisson whose rate jumps between `rates`, staying `dwell_s` (exponential) in each
  uniform,   ///< one request every 1 / rate
  at_once,   ///< all at the start
  servegen,  ///< the windows of a ServeGen `file`, scaled to `rate` in the mean unless that is 0
  trace,     ///< the arrival dates of a trace `file`, scaled to `rate` unless that is 0; repeated
             ///< with its mean gap between the repetitions when more are needed
};

struct ArrivalOptions {
  ArrivalKind kind = ArrivalKind::poisson;
  double rate = 1;  ///< requests per second
  double cv = 1;
  std::vector<double> rates;    ///< mmpp: requests per second of each state, at least two
  std::vector<double> dwell_s;  ///< mmpp: mean stay in each state
  std::string file;
};

/// Requests made up from distributions: prompt = shared prefix + context + query.
struct SyntheticOptions {
  ArrivalOptions arrival;
  std::int64_t count = 0;  ///< requests; 0: as many as arrive within `duration_s`
  double duration_s = 0;
  LengthDistribution shared_prefix;  ///< a leading part of one text that all requests start with
  LengthDistribution context;        ///< follows it; see `contexts`
  /// New tokens, never seen before; of these two each request has at least one.
  LengthDistribution query = fixed_length(1);
  LengthDistribution output = fixed_length(1);
  std::int64_t contexts = 0;  ///< 0: each request has a context of its own; n: drawn from n
  /// Share of (shared prefix + context) whose whole blocks lie in the remote pool before the run;
  /// drawn from the list with equal probability, per request (per context if those are drawn).
  /// Empty: the pool starts empty.
  std::vector<double> hit_fractions;
};

/// The three workloads of the CALVO paper (arXiv 2603.21257, table 1).
enum class CalvoDataset : std::uint8_t { loogle, icl, code };

/// Their shape as options, to be changed at will: Poisson at 1 /s, contexts used once, all of each
/// context in the pool. Lengths of context and query: mean from the table. Ours, for want of
/// published figures: contexts log-normal with cv 0.35, queries fixed, outputs fixed
/// (docs/traces.md).
SyntheticOptions calvo_workload(CalvoDataset dataset);

enum class ContextLimit : std::uint8_t { drop, truncate };

/// How an open-loop trace is played: at its dates, whatever the system does.
struct OpenLoopOptions {
  double rate_scale = 1;            ///< 2: the same requests at twice the rate
  std::int64_t first_requests = 0;  ///< of those after `start_s`; 0: all
  double start_s = 0;               ///< date in the trace where the run begins
  double duration_s = 0;            ///< length of the part played, in trace time; 0: to the end
  std::int64_t repeat = 1;          ///< times the part is played end to end, with other contents
  bool link_sessions = false;       ///< guess conversations and make their later turns closed loop
  Tokens max_context{0};            ///< requests with input + output above it are left out; 0: none
};

/// How sessions are played: each request follows the end of the one before and a think time.
struct ClosedLoopOptions {
  std::int64_t live_sessions = 16;  ///< a session that ends is replaced by the next of the trace
  double shared_prefix = 0.75;      ///< share of tools + system prompt that all sessions share
  Tokens max_context{0};            ///< of the model, input + output; 0: none
  ContextLimit over_context = ContextLimit::truncate;  ///< sessions that go above it
  double user_gap_cap_s = 60;  ///< longest think time after a user's turn; 0: no cap
  double tool_overhead_s = 3;  ///< part of a traced tool gap that the capture added
  double min_tool_s = 0.05;
  double think_scale = 1;
  double start_jitter_s = -1;  ///< the first sessions start within this; < 0: mean think time
  bool sub_agents = true;
  std::int64_t skip_sessions = 0;  ///< of the trace, from its start
  std::int64_t max_sessions = 0;   ///< 0: all; likewise below
  std::int64_t max_requests = 0;   ///< whole sessions in trace order, the last one cut
  std::int64_t max_turns = 0;      ///< requests of a session's main stream
};

enum class Play : std::uint8_t { automatic, open_loop, closed_loop };

struct TraceOptions {
  std::string file;
  Tokens block_tokens{0};  ///< block size of the trace's ids; 0: what its format says
  Play play = Play::automatic;
  OpenLoopOptions open;
  ClosedLoopOptions closed;
};

/// One request written out in a scenario. The context lies in the remote pool before the run.
struct InlineRequest {
  double at_s = 0;
  Tokens context{0};
  Tokens query{1};
  Tokens output{1};
};

enum class WorkloadKind : std::uint8_t { trace, synthetic, requests };

struct WorkloadOptions {
  WorkloadKind kind = WorkloadKind::trace;
  TraceOptions trace;
  SyntheticOptions synthetic;
  std::vector<InlineRequest> requests;
};

/// What is wrong with one option: `field` is its path below the workload ("open.rate_scale").
struct OptionProblem {
  std::string field;
  std::string problem;  ///< 'must be above 0, is "-1"'
};

/// Checks values that need no file. A loader reports it at the place of the key.
std::optional<OptionProblem> problem_in(const WorkloadOptions& options);

/// An option that only the workload shows to be wrong. A loader reports it likewise.
class BadOption : public std::runtime_error {
public:
  explicit BadOption(OptionProblem wrong)
      : std::runtime_error(wrong.field + ": " + wrong.problem), problem(std::move(wrong)) {}
  OptionProblem problem;
};

/// Requests named in blocks of `block_tokens` tokens. Same options and seed, same workload.
/// Requires: problem_in(options) is empty. Throws InputError for what is wrong in a trace file, and
/// BadOption for what puts a request beyond the longest run.
std::unique_ptr<Workload> make_workload(const WorkloadOptions& options, Tokens block_tokens,
                                        std::uint64_t seed);

}  // namespace calvo::traces
