#include "analysis/timeline_json.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "analysis/output_file.hpp"
#include "analysis/request_metrics.hpp"

namespace calvo::analysis {
namespace {

/// "serving0" of "serving0.nic0.rx".
std::string_view process_of(std::string_view track) {
  return track.substr(0, track.find('.'));
}

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
    for (const RequestRecord& request : run_.requests) write_request(request);
    file_.buffer().append(std::string_view("\n]}\n"));
    file_.close();
  }

private:
  void write_track(std::string_view name, std::span<const std::uint32_t> spans) {
    const int process = process_number(process_of(name));
    std::vector<Instant> free_at;  // by lane
    std::vector<int> thread;       // by lane
    for (const std::uint32_t index : spans) {
      const TimelineSpan& span = run_.timeline[index];
      const auto lane = std::ranges::find_if(free_at, [&](Instant t) { return t <= span.begin; });
      const auto number = static_cast<std::size_t>(lane - free_at.begin());
      if (lane == free_at.end()) {
        free_at.push_back(span.end);
        thread.push_back(++threads_);
        write_name("thread_name", process, threads_, name);
      } else {
        *lane = span.end;
      }
      write_span(span, process, thread[number]);
    }
  }

  void write_request(const RequestRecord& request) {
    const RequestTimes& times = request.times;
    if (times.arrival == never || times.first_token == never) return;
    const int process = process_number("requests");
    write_name("thread_name", process, ++threads_,
               fmt::format("request {} (session {}, turn {})", raw(request.id),
                           raw(request.session), request.turn));
    const StageDates dates = stage_dates_of(times);
    const auto write = [&](const char* what, Instant begin, Instant end) {
      if (begin < end) write_span({0, request.id, true, what, begin, end}, process, threads_);
    };
    write("lookup", times.arrival, dates.looked_up);
    write("queue", dates.looked_up, dates.load_start);
    write("network_load", dates.load_start, dates.network_done);
    write("pcie_load", dates.network_done, dates.loaded);
    write("queue", dates.loaded, dates.prefill_start);
    write("prefill", dates.prefill_start, times.first_token);
    if (times.finish != never) write("decode", times.first_token, times.finish);
  }

  int process_number(std::string_view name) {
    const auto [found, fresh] =
        processes_.try_emplace(std::string(name), static_cast<int>(processes_.size()) + 1);
    if (fresh) write_name("process_name", found->second, 0, name);
    return found->second;
  }

  void write_name(std::string_view kind, int process, int thread, std::string_view name) {
    begin_event();
    fmt::format_to(std::back_inserter(file_.buffer()),
                   R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":)", kind, process,
                   thread);
    append_json_string(file_.buffer(), name);
    file_.buffer().append(std::string_view("}}"));
  }

  void write_span(const TimelineSpan& span, int process, int thread) {
    fmt::memory_buffer& out = file_.buffer();
    begin_event();
    out.append(std::string_view(R"({"ph":"X","name":)"));
    append_json_string(out, span.what);
    fmt::format_to(std::back_inserter(out), R"(,"pid":{},"tid":{},"ts":)", process, thread);
    append_microseconds(out, span.begin.time_since_epoch());
    out.append(std::string_view(R"(,"dur":)"));
    append_microseconds(out, span.end - span.begin);
    if (span.has_request) {
      fmt::format_to(std::back_inserter(out), R"(,"args":{{"request":{}}})", raw(span.request));
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
  std::map<std::string, int> processes_;
  int threads_ = 0;
  bool first_ = true;
};

}  // namespace

void write_timeline_json(const std::string& path, const RunResult& run) {
  TimelineWriter(path, run).write();
}

}  // namespace calvo::analysis
