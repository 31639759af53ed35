#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "traces/trace_info.hpp"

namespace calvo::traces {
namespace {

using Json = nlohmann::ordered_json;

std::string capacity_name(std::int64_t capacity) {
  return capacity == infinite_blocks ? "inf" : std::to_string(capacity);
}

void add_row(fmt::memory_buffer& out, const char* name, const Quantiles& values) {
  if (values.count == 0) return;
  fmt::format_to(std::back_inserter(out), "{:<17}{:>11.1f}{:>11.1f}{:>11.1f}{:>11.1f}{:>11.1f}\n",
                 name, values.mean, values.p50, values.p90, values.p99, values.max);
}

Json to_json(const Quantiles& values) {
  return {{"count", values.count}, {"mean", values.mean}, {"p50", values.p50},
          {"p90", values.p90},     {"p99", values.p99},   {"max", values.max}};
}

Json to_json(const CacheHits& hits) {
  return {{"capacity", capacity_name(hits.capacity)},
          {"blocks", hits.blocks},
          {"hit_blocks", hits.hit_blocks},
          {"block_hit_ratio", hits.block_ratio()},
          {"tokens", hits.tokens},
          {"hit_tokens", hits.hit_tokens},
          {"token_hit_ratio", hits.token_ratio()}};
}

}  // namespace

std::string render_text(const TraceInfo& info) {
  fmt::memory_buffer out;
  const auto line = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
    out.push_back('\n');
  };
  line("trace     {}", info.file);
  if (info.block_tokens > 0) {
    line("format    {}, blocks of {} tokens, {}", info.format, info.block_tokens,
         info.closed_loop ? "closed loop" : "open loop");
  } else {
    line("format    {}, shared contents unknown, open loop", info.format);
  }
  line("requests  {}: {:.0f} input and {:.0f} output tokens", info.requests, info.input_tokens,
       info.output_tokens);
  if (info.span_s > 0) {
    line(
        "arrivals  {:.2f} /s over {:.1f} s; gap CV {:.2f}; busiest 10 s {:.1f} x, minute {:.1f} x "
        "the mean; {} at the date of the one before",
        info.rate, info.span_s, info.gap_cv, info.peak_10s, info.peak_60s, info.at_same_time);
  }
  if (info.sessions > 0) {
    line("sessions  {} of several requests, {} sub-agents", info.sessions, info.sub_agents);
  }
  line("\n{:<17}{:>11}{:>11}{:>11}{:>11}{:>11}", "", "mean", "p50", "p90", "p99", "max");
  add_row(out, "input tokens", info.input);
  add_row(out, "output tokens", info.output);
  add_row(out, "appended tokens", info.appended);
  add_row(out, "turns", info.turns);
  add_row(out, "think, user s", info.think_user_s);
  add_row(out, "think, tool s", info.think_tool_s);
  add_row(out, "think, other s", info.think_other_s);
  if (info.block_tokens > 0) {
    line("\n{:<17}{:>11}{:>11}{:>14}{:>16}", "LRU prefix cache", "block hit", "token hit",
         "hit blocks", "hit tokens");
    const auto cache = [&](const CacheHits& hits) {
      line("{:<17}{:>11.4f}{:>11.4f}{:>14}{:>16}", capacity_name(hits.capacity) + " blocks",
           hits.block_ratio(), hits.token_ratio(), hits.hit_blocks, hits.hit_tokens);
    };
    if (info.lru.empty()) cache(info.prefix);
    for (const CacheHits& hits : info.lru) cache(hits);
  }
  return fmt::to_string(out);
}

std::string render_json(const TraceInfo& info) {
  Json json = {{"file", info.file},
               {"format", info.format},
               {"block_tokens", info.block_tokens},
               {"closed_loop", info.closed_loop},
               {"requests", info.requests},
               {"input", to_json(info.input)},
               {"output", to_json(info.output)},
               {"input_tokens", info.input_tokens},
               {"output_tokens", info.output_tokens},
               {"span_s", info.span_s},
               {"rate", info.rate},
               {"gap_cv", info.gap_cv},
               {"peak_10s", info.peak_10s},
               {"peak_60s", info.peak_60s},
               {"at_same_time", info.at_same_time},
               {"sessions", info.sessions},
               {"sub_agents", info.sub_agents},
               {"turns", to_json(info.turns)},
               {"think_user_s", to_json(info.think_user_s)},
               {"think_tool_s", to_json(info.think_tool_s)},
               {"think_other_s", to_json(info.think_other_s)},
               {"appended", to_json(info.appended)},
               {"prefix", to_json(info.prefix)}};
  json["lru"] = Json::array();
  for (const CacheHits& hits : info.lru) json["lru"].push_back(to_json(hits));
  return json.dump(2) + "\n";
}

}  // namespace calvo::traces
