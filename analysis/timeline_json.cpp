#include "analysis/timeline_json.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "analysis/output_file.hpp"
#include "analysis/request_metrics.hpp"
#include "analysis/timeline_lanes.hpp"

namespace calvo::analysis {
namespace {

/// "serving0" of "serving0.nic0.rx".
std::string_view process_of(std::string_view track) {
  return track.substr(0, track.find('.'));
}

/// "gpu_memory" of "instance0.gpu_memory".
std::string_view within_process(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

/// Microseconds that give the nanosecond back also to a reader that multiplies by 1,000 and cuts
/// (Perfetto did until 2025): where that would lose one, a tenth of it is added.
void append_trace_time(fmt::memory_buffer& out, Nanoseconds time) {
  append_microseconds(out, time);
  const double microseconds = static_cast<double>(time.count()) / 1000.0;
  if (static_cast<std::int64_t>(microseconds * 1000.0) != time.count()) out.push_back('1');
}

/// A span that a request's flow goes through, bound at its begin.
struct FlowPoint {
  RequestId request{};
  Instant at{};
  enum class Of : std::uint8_t { stage, resource } of = Of::stage;
  int process = 0;
  int thread = 0;

  auto order() const { return std::tuple(raw(request), at, of); }
};

class TimelineWriter {
public:
  TimelineWriter(const std::string& path, const RunResult& run) : file_(path), run_(run) {}

  void write() {
    file_.buffer().append(std::string_view("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"));
    std::vector<std::uint32_t> order(run_.timeline.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {}, [&](std::uint32_t i) {
      const TimelineSpan& span = run_.timeline[i];
      return std::tuple(span.track, span.begin, span.end);
    });
    for (std::size_t from = 0; from < order.size();) {
      const std::uint32_t track = run_.timeline[order[from]].track;
      std::size_t to = from;
      while (to < order.size() && run_.timeline[order[to]].track == track) ++to;
      write_track(run_.tracks[track], std::span(order).subspan(from, to - from));
      from = to;
    }
    for (const MemoryHistory& memory : run_.memory) write_memory(memory);
    for (const RequestRecord& request : run_.requests) write_request(request);
    write_flows();
    file_.buffer().append(std::string_view("\n]}\n"));
    file_.close();
  }

private:
  void write_track(std::string_view name, std::span<const std::uint32_t> spans) {
    const int process = process_number(process_of(name));
    TimelineLanes lanes;
    std::vector<int> thread;  // by lane
    for (const std::uint32_t index : spans) {
      const TimelineSpan& span = run_.timeline[index];
      const std::size_t lane = lanes.place(span.begin, span.end);
      if (lane == thread.size()) {
        thread.push_back(++numbers_);
        write_name("thread_name", process, thread[lane], name);
      }
      write_span(span, process, thread[lane], FlowPoint::Of::resource);
    }
  }

  void write_request(const RequestRecord& request) {
    const RequestTimes& times = request.times;
    if (times.arrival == never || times.first_token == never) return;
    const int process = process_number("requests");
    const int thread = ++numbers_;
    write_name("thread_name", process, thread,
               fmt::format("request {} (session {}, turn {})", raw(request.id),
                           raw(request.session), request.turn));
    const StageDates dates = stage_dates_of(times);
    const auto write = [&](const char* what, Instant begin, Instant end) {
      if (begin < end) {
        write_span({0, request.id, true, what, begin, end}, process, thread, FlowPoint::Of::stage);
      }
    };
    write("lookup", times.arrival, dates.looked_up);
    write("queue", dates.looked_up, dates.load_start);
    write("network_load", dates.load_start, dates.network_done);
    write("pcie_load", dates.network_done, dates.loaded);
    write("queue", dates.loaded, dates.prefill_start);
    write("prefill", dates.prefill_start, times.first_token);
    if (times.finish != never) write("decode", times.first_token, times.finish);
  }

  /// A value where it changes, and the last one again at the end of the run.
  void write_memory(const MemoryHistory& memory) {
    if (memory.shares.empty()) return;
    const int process = process_number(process_of(memory.name));
    std::string last;
    for (std::size_t i = 0; i < memory.shares.size(); ++i) {
      std::string level = fmt::format("{:.2f}", 100 * memory.shares[i]);
      if (level == last) continue;
      write_level(memory.name, process, memory.interval * static_cast<std::int64_t>(i), level);
      last = std::move(level);
    }
    write_level(memory.name, process, run_.end.time_since_epoch(), last);
  }

  void write_level(std::string_view name, int process, Nanoseconds at, std::string_view level) {
    fmt::memory_buffer& out = file_.buffer();
    begin_event();
    out.append(std::string_view(R"({"ph":"C","name":)"));
    append_json_string(out, within_process(name));
    fmt::format_to(std::back_inserter(out), R"(,"pid":{},"ts":)", process);
    append_trace_time(out, at);
    fmt::format_to(std::back_inserter(out), R"(,"args":{{"used_percent":{}}}}})", level);
    file_.flush_if_large();
  }

  /// After all spans: an event binds to the span that its thread shows at its date, which must have
  /// been read before it.
  void write_flows() {
    std::ranges::stable_sort(flow_, {}, &FlowPoint::order);
    for (std::size_t i = 0; i < flow_.size(); ++i) {
      const FlowPoint& point = flow_[i];
      const bool first = i == 0 || flow_[i - 1].request != point.request;
      const bool last = i + 1 == flow_.size() || flow_[i + 1].request != point.request;
      if (first && last) continue;
      fmt::memory_buffer& out = file_.buffer();
      begin_event();
      fmt::format_to(
          std::back_inserter(out),
          R"({{"ph":"{}","cat":"request","name":"stages","id":{},"pid":{},"tid":{},"ts":)",
          first  ? 's'
          : last ? 'f'
                 : 't',
          raw(point.request), point.process, point.thread);
      append_trace_time(out, point.at.time_since_epoch());
      out.append(last ? std::string_view(R"(,"bp":"e"})") : std::string_view("}"));
      file_.flush_if_large();
    }
  }

  int process_number(std::string_view name) {
    const auto found = processes_.find(name);
    if (found != processes_.end()) return found->second;
    const int number = ++numbers_;
    processes_.emplace(name, number);
    write_name("process_name", number, number, name);
    return number;
  }

  void write_name(std::string_view kind, int process, int thread, std::string_view name) {
    begin_event();
    fmt::format_to(std::back_inserter(file_.buffer()),
                   R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":)", kind, process,
                   thread);
    append_json_string(file_.buffer(), name);
    file_.buffer().append(std::string_view("}}"));
  }

  void write_span(const TimelineSpan& span, int process, int thread, FlowPoint::Of of) {
    fmt::memory_buffer& out = file_.buffer();
    begin_event();
    out.append(std::string_view(R"({"ph":"X","name":)"));
    append_json_string(out, span.what);
    fmt::format_to(std::back_inserter(out), R"(,"pid":{},"tid":{},"ts":)", process, thread);
    append_trace_time(out, span.begin.time_since_epoch());
    out.append(std::string_view(R"(,"dur":)"));
    append_trace_time(out, span.end - span.begin);
    if (span.has_request) {
      fmt::format_to(std::back_inserter(out), R"(,"args":{{"request":{}}})", raw(span.request));
      // Nothing binds to a span without a length: it is over before it is looked for.
      if (span.begin < span.end) flow_.push_back({span.request, span.begin, of, process, thread});
    }
    out.push_back('}');
    file_.flush_if_large();
  }

  void begin_event() {
    if (!first_) file_.buffer().append(std::string_view(",\n"));
    first_ = false;
  }

  OutputFile file_;
  const RunResult& run_;
  std::map<std::string, int, std::less<>> processes_;
  std::vector<FlowPoint> flow_;
  int numbers_ = 0;  ///< given to processes and threads: no two of either have the same
  bool first_ = true;
};

}  // namespace

void write_timeline_json(const std::string& path, const RunResult& run) {
  TimelineWriter(path, run).write();
}

}  // namespace calvo::analysis
