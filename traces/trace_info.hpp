#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "traces/lru_cache.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {

struct Quantiles {
  std::int64_t count = 0;  ///< 0: the rest says nothing
  double mean = 0;
  double p50 = 0;  ///< the smallest value that this share of the values do not exceed
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

struct InfoOptions {
  ReadOptions read;
  double shared_prefix = 0.75;    ///< for traces whose ids are local to sessions
  std::vector<std::int64_t> lru;  ///< capacities of prefix caches to try, in trace blocks
};

/// What a trace holds.
struct TraceInfo {
  std::string file;
  std::string format;
  std::int64_t block_tokens = 0;  ///< 0: contents unknown
  bool closed_loop = false;
  std::int64_t requests = 0;
  Quantiles input;   ///< tokens
  Quantiles output;  ///< tokens
  double input_tokens = 0;
  double output_tokens = 0;

  // Of the requests with a date:
  double span_s = 0;    ///< from the first to the last
  double rate = 0;      ///< per second: gaps / span
  double gap_cv = 0;    ///< standard deviation / mean of the gaps between arrivals
  double peak_10s = 0;  ///< busiest 10 s window / the mean of them; likewise a minute
  double peak_60s = 0;
  std::int64_t at_same_time = 0;  ///< requests with the date of the one before

  std::int64_t sessions = 0;    ///< with more than one request
  std::int64_t sub_agents = 0;  ///< streams beside the main one
  Quantiles turns;              ///< main-stream requests of these sessions
  Quantiles think_user_s;       ///< traced gaps before later turns, by what the client did
  Quantiles think_tool_s;
  Quantiles think_other_s;
  Quantiles appended;  ///< tokens by which a prompt is longer than the one before it

  CacheHits prefix;            ///< an infinite cache of prompts
  std::vector<CacheHits> lru;  ///< as asked for
};

/// Throws InputError. Requires: 0 <= shared_prefix <= 1, capacities above 0.
TraceInfo trace_info(const std::string& file, const InfoOptions& options = {});
TraceInfo trace_info(const Trace& trace, const InfoOptions& options);

/// For a person; ends in a newline.
std::string render_text(const TraceInfo& info);
/// The same as one JSON object, keys named as the members; ends in a newline.
std::string render_json(const TraceInfo& info);

}  // namespace calvo::traces
