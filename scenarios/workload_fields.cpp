#include "scenarios/workload_fields.hpp"

#include <array>
#include <optional>

namespace calvo::scenarios {
namespace {

using traces::ArrivalKind;
using traces::LengthKind;
using traces::WorkloadKind;

constexpr auto zero_count = at_least(std::int64_t{0});

// `query: 28` is short for a fixed length.
template <class Io, class Length>
void length_field(Io& io, std::string_view key, Length& length) {
  if constexpr (Io::reads) {
    if (io.section().is_scalar(key)) {
      const auto tokens = io.section().template required<Tokens>(key);
      length = {};
      length.mean = static_cast<double>(tokens.count());
      return;
    }
  }
  io.group(key, [&](auto& inner) {
    inner.name("kind", length.kind, "length");
    if (length.kind == LengthKind::fixed || length.kind == LengthKind::lognormal) {
      inner.value("mean", length.mean, at_least(0.0));
    }
    if (length.kind == LengthKind::lognormal) inner.value("cv", length.cv, at_least(0.0));
    if (length.kind == LengthKind::empirical) {
      inner.list("values", length.values, at_least(0.0));
      if (Io::reads || !length.file.empty()) {
        inner.file("file", length.file);
        inner.name("column", length.column, "column");
      }
    }
    inner.value("low", length.low);
    inner.value("high", length.high);
  });
}

template <class Io>
void rate_field(Io& io, std::string_view key, auto& field) {
  io.per_second(key, field);
}

// Numbers with a dimension in structs without one.
template <class Io>
void seconds_list(Io& io, std::string_view key, std::vector<double>& field) {
  std::vector<Seconds> times;
  for (const double value : field) times.emplace_back(value);
  io.list(key, times);
  field.clear();
  for (const Seconds time : times) field.push_back(time.count());
}

template <class Io>
void rates_list(Io& io, std::string_view key, std::vector<double>& field) {
  std::vector<PerSecond> rates;
  for (const double value : field) rates.emplace_back(value);
  io.list(key, rates);
  field.clear();
  for (const PerSecond rate : rates) field.push_back(rate.count());
}

template <class Io>
void arrival_fields(Io& io, traces::ArrivalOptions& arrival) {
  io.name("kind", arrival.kind, "arrival process");
  const bool scaled = arrival.kind == ArrivalKind::servegen || arrival.kind == ArrivalKind::trace;
  if (arrival.kind == ArrivalKind::mmpp) {
    rates_list(io, "rates", arrival.rates);
    seconds_list(io, "dwell", arrival.dwell_s);
  } else if (arrival.kind != ArrivalKind::at_once) {
    if constexpr (Io::reads) {
      if (scaled && !io.section().has("rate")) arrival.rate = 0;
    }
    io.per_second("rate", arrival.rate);
  }
  if (arrival.kind == ArrivalKind::gamma) io.value("cv", arrival.cv, positive<double>());
  if (scaled) io.file("file", arrival.file);
}

/// Shares, or `none` for a pool that starts empty.
template <class Io>
void hit_fractions(Io& io, std::vector<double>& field) {
  constexpr std::string_view key = "hit_fractions";
  std::vector<Share> hits;
  for (const double hit : field) hits.push_back({hit});
  if constexpr (Io::reads) {
    const YamlSection& section = io.section();
    if (section.is_scalar(key) && section.template required<std::string>(key) == "none") {
      hits.clear();
    } else {
      io.list(key, hits);
      if (section.has(key) && hits.empty()) {
        section.fail(key, "is empty; write shares like [0.5, 1], or none");
      }
    }
  } else if (hits.empty()) {
    io.line(key, "none");
  } else {
    io.list(key, hits);
  }
  field.clear();
  for (const Share hit : hits) field.push_back(hit.value);
}

template <class Io>
void synthetic_fields(Io& io, traces::SyntheticOptions& synthetic) {
  io.group("arrival", [&](auto& inner) { arrival_fields(inner, synthetic.arrival); });
  io.value("count", synthetic.count, zero_count);
  io.seconds("duration", synthetic.duration_s);
  length_field(io, "shared_prefix", synthetic.shared_prefix);
  length_field(io, "context", synthetic.context);
  length_field(io, "query", synthetic.query);
  length_field(io, "output", synthetic.output);
  io.value("contexts", synthetic.contexts, zero_count);
  hit_fractions(io, synthetic.hit_fractions);
}

template <class Io>
void open_fields(Io& io, traces::OpenLoopOptions& open) {
  io.value("rate_scale", open.rate_scale, positive<double>());
  io.value("first_requests", open.first_requests, zero_count);
  io.seconds("start", open.start_s);
  io.seconds("duration", open.duration_s);
  io.value("repeat", open.repeat, at_least(std::int64_t{1}));
  io.value("link_sessions", open.link_sessions);
  io.or_zero("max_context", open.max_context, "none");
}

template <class Io>
void closed_fields(Io& io, traces::ClosedLoopOptions& closed) {
  io.value("live_sessions", closed.live_sessions, at_least(std::int64_t{1}));
  io.share("shared_prefix", closed.shared_prefix);
  io.or_zero("max_context", closed.max_context, "none");
  io.name("over_context", closed.over_context, "rule");
  io.seconds("user_gap_cap", closed.user_gap_cap_s);
  io.seconds("tool_overhead", closed.tool_overhead_s);
  io.seconds("min_tool", closed.min_tool_s);
  io.value("think_scale", closed.think_scale, at_least(0.0));
  if constexpr (Io::reads) {
    if (io.section().has("start_jitter")) {
      io.section().is_scalar("start_jitter") &&
              io.section().template required<std::string>("start_jitter") == "mean_think_time"
          ? void(closed.start_jitter_s = -1)
          : io.seconds("start_jitter", closed.start_jitter_s);
    }
  } else if (closed.start_jitter_s < 0) {
    io.line("start_jitter", "mean_think_time");
  } else {
    io.seconds("start_jitter", closed.start_jitter_s);
  }
  io.value("sub_agents", closed.sub_agents);
  io.value("skip_sessions", closed.skip_sessions, zero_count);
  io.value("max_sessions", closed.max_sessions, zero_count);
  io.value("max_requests", closed.max_requests, zero_count);
  io.value("max_turns", closed.max_turns, zero_count);
}

template <class Io>
void trace_fields(Io& io, traces::TraceOptions& trace) {
  io.file("file", trace.file);
  io.value("block_tokens", trace.block_tokens);
  io.name("play", trace.play, "way to play");
  io.group("open", [&](auto& inner) { open_fields(inner, trace.open); });
  io.group("closed", [&](auto& inner) { closed_fields(inner, trace.closed); });
}

template <class Io>
void request_fields(Io& io, auto& request) {
  io.seconds("at", request.at_s);
  io.value("context", request.context);
  io.value("query", request.query, at_least(Tokens{1}));
  io.value("output", request.output, at_least(Tokens{1}));
}

traces::SyntheticOptions named_dataset(const YamlSection& section) {
  constexpr auto kind = "base";
  if (!section.has(kind)) return {};
  return traces::calvo_workload(static_cast<traces::CalvoDataset>(
      section.required_name(kind, "dataset", names_of<traces::CalvoDataset>())));
}

}  // namespace

// The options of a trace stand directly below the workload, items of lists are "requests[3]".
void fail_workload(const YamlSection& workload, const traces::OptionProblem& wrong) {
  YamlSection section = workload.is_map("trace") ? workload.section("trace") : workload;
  std::string rest = wrong.field;
  for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
    std::string head = rest.substr(0, dot);
    if (const std::size_t bracket = head.find('['); bracket != std::string::npos) {
      const auto index =
          parse_as<std::int64_t>(head.substr(bracket + 1, head.size() - bracket - 2));
      section = section.sections(head.substr(0, bracket))[static_cast<std::size_t>(index)];
    } else if (section.is_map(head)) {
      section = section.section(head);
    } else {
      if (section.is_scalar(head)) rest = head;  // its short form
      break;
    }
    rest = rest.substr(dot + 1);
  }
  section.fail(rest, wrong.problem);
}

traces::WorkloadOptions read_workload(const YamlSection& section, FieldContext& context,
                                      Tokens model_context) {
  static constexpr std::array<std::string_view, 3> kinds = {"trace", "synthetic", "requests"};
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (!section.has(kinds[i])) continue;
    if (chosen) {
      section.fail(kinds[i], "a workload is one of trace, synthetic and requests; keep one of \"" +
                                 std::string(kinds[*chosen]) + "\" and \"" + std::string(kinds[i]) +
                                 "\"");
    }
    chosen = i;
  }
  if (!chosen) section.fail("", "says no workload; add one of trace, synthetic and requests");

  traces::WorkloadOptions workload;
  workload.kind = static_cast<WorkloadKind>(*chosen);
  if (workload.kind == WorkloadKind::trace) {
    const YamlSection inner = section.section("trace");
    inner.required<std::string>("file");
    workload.trace.closed.max_context = model_context;
    FieldReader io(inner, context);
    trace_fields(io, workload.trace);
  } else if (workload.kind == WorkloadKind::synthetic) {
    const YamlSection inner = section.section("synthetic");
    workload.synthetic = named_dataset(inner);
    FieldReader io(inner, context);
    synthetic_fields(io, workload.synthetic);
  } else {
    FieldReader io(section, context);
    io.items("requests", workload.requests,
             [](auto& inner, auto& request) { request_fields(inner, request); });
    if (workload.requests.empty()) section.fail("requests", "is empty; write at least one request");
  }
  if (const auto wrong = traces::problem_in(workload)) fail_workload(section, *wrong);
  return workload;
}

void write_workload(FieldWriter& io, const traces::WorkloadOptions& workload) {
  traces::WorkloadOptions copy = workload;  // the lists of fields take what they may change
  if (workload.kind == WorkloadKind::trace) {
    io.group("trace", [&](FieldWriter& inner) { trace_fields(inner, copy.trace); });
  } else if (workload.kind == WorkloadKind::synthetic) {
    io.group("synthetic", [&](FieldWriter& inner) { synthetic_fields(inner, copy.synthetic); });
  } else {
    io.items("requests", workload.requests,
             [](FieldWriter& inner, const auto& request) { request_fields(inner, request); });
  }
}

}  // namespace calvo::scenarios
