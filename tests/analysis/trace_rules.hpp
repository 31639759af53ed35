// What Perfetto's trace processor asks of a Chrome trace before it shows all of it.
// Source: google/perfetto, src/trace_processor/importers: json/json_trace_parser_impl.cc,
// json/json_trace_tokenizer.cc (dates), common/slice_tracker.cc (nesting), common/flow_tracker.cc.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace calvo::testing {

/// Goes through the events of a trace as the trace processor does: names first, then all else by
/// date, in the order of the file where dates are equal.
class TraceRules {
public:
  enum class Dates { cut, rounded };  ///< microseconds to nanoseconds: until 2025, since then

  /// What breaks a rule, at most 20 of them. Empty: all of it is shown as it was meant.
  static std::vector<std::string> problems_of(const std::string& text) {
    std::vector<std::string> all;
    for (const Dates dates : {Dates::cut, Dates::rounded}) {
      TraceRules rules(dates);
      rules.read(text);
      all.insert(all.end(), rules.problems_.begin(), rules.problems_.end());
    }
    if (all.size() > 20) all.resize(20);
    return all;
  }

private:
  using Json = nlohmann::json;
  using Thread = std::pair<std::int64_t, std::int64_t>;  ///< process, thread
  struct Slice {
    std::int64_t begin = 0;
    std::int64_t end = open;
    std::string name;
  };
  static constexpr std::int64_t open = -1;

  explicit TraceRules(Dates dates) : dates_(dates) {}

  void read(const std::string& text) {
    const Json trace = Json::parse(text, nullptr, false);
    if (!trace.is_object() || !trace.contains("traceEvents") || !trace["traceEvents"].is_array()) {
      problems_.emplace_back("is no JSON object with a list traceEvents");
      return;
    }
    std::vector<std::pair<std::int64_t, const Json*>> events;
    for (const Json& event : trace["traceEvents"]) {
      if (!has_head(event)) continue;
      if (event["ph"] == "M") {
        take_name(event);
        continue;
      }
      if (!event.contains("ts") || !event["ts"].is_number() || event["ts"] < 0) {
        complain(event, "has no date");
        continue;
      }
      check_names(event);
      events.emplace_back(nanoseconds(event["ts"]), &event);
    }
    std::ranges::stable_sort(events, {}, &std::pair<std::int64_t, const Json*>::first);
    for (const auto& [at, event] : events) take(*event, at);
    for (const auto& [thread, stack] : stacks_) {
      for (const Slice& slice : stack) {
        if (slice.end == open) problems_.push_back("begun and never ended: " + slice.name);
      }
    }
    for (const auto& [flow, ended] : flows_) {
      if (!ended) problems_.push_back("a flow without an end: " + flow);
    }
  }

  bool has_head(const Json& event) {
    const bool has = event.is_object() && event.contains("ph") && event["ph"].is_string() &&
                     event.contains("pid") && event["pid"].is_number_integer();
    if (!has) complain(event, "has no phase or process");
    return has;
  }

  void take_name(const Json& event) {
    const std::string kind = event.value("name", "");
    if (kind != "process_name" && kind != "thread_name") {
      return complain(event, "is metadata that nobody reads");
    }
    const Json name = event.value("args", Json::object()).value("name", Json());
    if (!name.is_string() || name.get<std::string>().empty()) {
      return complain(event, "gives no name");
    }
    const std::int64_t process = event["pid"];
    if (kind == "process_name") {
      if (!processes_.insert(process).second) complain(event, "names a process again");
      if (threads_.contains(process)) complain(event, "has the number of a thread");
      return;
    }
    const std::int64_t thread = event.value("tid", std::int64_t{-1});
    if (!processes_.contains(process)) complain(event, "is of a process without a name");
    if (processes_.contains(thread)) complain(event, "has the number of a process");
    // Names of threads are looked up by the number of the thread alone.
    if (!threads_.emplace(thread, process).second) complain(event, "names a thread again");
  }

  /// A track is named before it is drawn on.
  void check_names(const Json& event) {
    const std::int64_t process = event["pid"];
    if (!processes_.contains(process)) complain(event, "is of a process without a name");
    if (event["ph"] == "C") return;
    const std::int64_t thread = event.value("tid", std::int64_t{-1});
    const auto found = threads_.find(thread);
    if (found == threads_.end() || found->second != process) {
      complain(event, "is of a thread without a name");
    }
  }

  void take(const Json& event, std::int64_t at) {
    const std::string phase = event["ph"];
    std::vector<Slice>& stack = stacks_[{event["pid"], event.value("tid", std::int64_t{-1})}];
    if (phase == "X") {
      take_slice(event, stack, at);
    } else if (phase == "B") {
      close(stack, at, open);
      stack.push_back({at, open, event.value("name", "")});
    } else if (phase == "E") {
      take_end(event, stack, at);
    } else if (phase == "C") {
      take_counter(event, at);
    } else if (phase == "s" || phase == "t" || phase == "f") {
      take_flow(event, phase.front(), stack, at);
    } else {
      complain(event, "has a phase that is not known");
    }
  }

  void take_slice(const Json& event, std::vector<Slice>& stack, std::int64_t at) {
    if (!event.contains("dur") || !event["dur"].is_number() || event["dur"] < 0) {
      return complain(event, "has no length");
    }
    if (event.value("name", "").empty()) complain(event, "has no name");
    const std::int64_t length = nanoseconds(event["dur"]);
    close(stack, at, length);
    for (const Slice& below : stack) {
      if (below.end != open && at < below.end && at + length > below.end) {
        return complain(event, "overlaps a slice on its track and is dropped");
      }
    }
    stack.push_back({at, at + length, event["name"]});
  }

  void take_end(const Json& event, std::vector<Slice>& stack, std::int64_t at) {
    close(stack, at, open);
    const auto last = std::find_if(stack.rbegin(), stack.rend(),
                                   [](const Slice& slice) { return slice.end == open; });
    if (last == stack.rend()) return complain(event, "ends what was not begun");
    if (event.contains("name") && event["name"] != last->name) {
      complain(event, "ends what was begun under another name");
    }
    if (last != stack.rbegin()) complain(event, "ends before what lies in it");
    stack.erase(std::prev(last.base()), stack.end());
  }

  void take_counter(const Json& event, std::int64_t at) {
    if (event.value("name", "").empty()) complain(event, "has no name");
    const Json args = event.value("args", Json());
    if (!args.is_object() || args.empty()) return complain(event, "counts nothing");
    for (const auto& [key, value] : args.items()) {
      if (!value.is_number()) complain(event, "counts what is no number");
      const std::string track = event["pid"].dump() + " " + event.value("name", "") + " " + key;
      const auto [last, fresh] = counters_.emplace(track, at);
      if (!fresh && at <= last->second) complain(event, "counts twice at one date");
      last->second = at;
    }
  }

  void take_flow(const Json& event, char phase, const std::vector<Slice>& stack, std::int64_t at) {
    if (!event.contains("id") || !event["id"].is_number_unsigned()) {
      return complain(event, "is a flow without a number");
    }
    // It binds to the slice on top when it is read, whether or not that is over by then.
    if (phase == 'f' && event.value("bp", "") != "e") {
      return complain(event, "binds to the slice after it");
    }
    if (stack.empty()) return complain(event, "is a flow outside of all slices");
    const Slice& slice = stack.back();
    if (at < slice.begin || (slice.end != open && at >= slice.end)) {
      complain(event, "is a flow outside of the slice that it binds to");
    }
    const std::string flow =
        event.value("cat", "") + " " + event.value("name", "") + " " + event["id"].dump();
    const auto found = flows_.find(flow);
    if (phase == 's') {
      if (found != flows_.end()) complain(event, "begins a flow again");
      flows_[flow] = false;
    } else if (found == flows_.end()) {
      complain(event, "goes on with a flow that was not begun");
    } else if (found->second) {
      complain(event, "goes on with a flow that has ended");
    } else if (phase == 'f') {
      found->second = true;
    }
  }

  /// Takes off what is over when a slice begins.
  static void close(std::vector<Slice>& stack, std::int64_t at, std::int64_t length) {
    while (!stack.empty() && stack.back().end != open) {
      const bool both_points = stack.back().begin == stack.back().end && length == 0;
      if (stack.back().end > at || (stack.back().end == at && both_points)) return;
      stack.pop_back();
    }
  }

  std::int64_t nanoseconds(const Json& microseconds) const {
    const double value = microseconds.get<double>() * 1000.0;
    return dates_ == Dates::cut ? static_cast<std::int64_t>(value) : std::llround(value);
  }

  void complain(const Json& event, const std::string& what) {
    problems_.push_back(what + ": " + event.dump());
  }

  Dates dates_;
  std::vector<std::string> problems_;
  std::set<std::int64_t> processes_;
  std::map<std::int64_t, std::int64_t> threads_;  ///< process by thread
  std::map<Thread, std::vector<Slice>> stacks_;
  std::map<std::string, std::int64_t> counters_;  ///< date of the last value
  std::map<std::string, bool> flows_;             ///< whether it has ended
};

}  // namespace calvo::testing
