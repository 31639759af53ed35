#include "report/timeline_reader.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/contract.hpp"
#include "core/input_error.hpp"

namespace calvo::report {
namespace {

using Json = nlohmann::json;

/// One event of the file, as far as it is looked at.
struct Event {
  std::string ph, name, label;
  int pid = 0, tid = 0;
  double ts = 0, dur = 0;
  std::int64_t request = -1;
};

/// Hands over one event after another; a timeline can be too large for a tree of it.
class EventReader : public nlohmann::json_sax<Json> {
public:
  template <class Take>
  explicit EventReader(Take take) : take_(std::move(take)) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return number(value); }
  bool string(string_t& value) override {
    if (depth_ == event_depth && key_ == "ph")
      event_.ph = std::move(value);
    else if (depth_ == event_depth && key_ == "name")
      event_.name = std::move(value);
    else if (depth_ == event_depth + 1 && key_ == "name")
      event_.label = std::move(value);
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    if (++depth_ == event_depth) event_ = {};
    return true;
  }
  bool end_object() override {
    if (depth_-- == event_depth) take_(event_);
    return true;
  }
  bool key(string_t& value) override {
    key_ = std::move(value);
    if (depth_ == 1 && key_ == "traceEvents") has_events_ = true;
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

  bool has_events() const { return has_events_; }

private:
  static constexpr int event_depth = 2;  // objects: the file, an event, its args

  bool number(double value) {
    if (depth_ == event_depth) {
      if (key_ == "pid")
        event_.pid = static_cast<int>(value);
      else if (key_ == "tid")
        event_.tid = static_cast<int>(value);
      else if (key_ == "ts")
        event_.ts = value;
      else if (key_ == "dur")
        event_.dur = value;
    } else if (depth_ == event_depth + 1 && key_ == "request") {
      event_.request = static_cast<std::int64_t>(value);
    }
    return true;
  }

  std::function<void(const Event&)> take_;
  Event event_;
  std::string key_;
  int depth_ = 0;
  bool has_events_ = false;
};

class TimelineBuilder {
public:
  void take(const Event& event) {
    if (event.ph == "M") {
      if (event.name == "process_name" && event.label == "requests") requests_.insert(event.pid);
      if (event.name == "thread_name") tracks_[{event.pid, event.tid}] = event.label;
      return;
    }
    if (event.ph != "X") return;
    if (requests_.contains(event.pid)) {
      take_stage(event);
    } else {
      timeline_.work[tracks_[{event.pid, event.tid}]][event.name].push_back(
          {event.ts, event.ts + event.dur});
    }
  }

  Timeline result() {
    for (auto& [track, by_name] : timeline_.work) {
      for (auto& [name, spans] : by_name) spans = merged(std::move(spans));
    }
    timeline_.there = true;
    return std::move(timeline_);
  }

private:
  /// Stages of a request follow one another: what is queued after a load is queued after loading.
  void take_stage(const Event& event) {
    const auto id = static_cast<std::uint64_t>(event.request);
    if (event.name == "network_load" || event.name == "pcie_load") loaded_.insert(id);
    if (event.name == "queue" && loaded_.contains(id)) {
      timeline_.queued_after_loading[id] += event.dur;
    }
  }

  Timeline timeline_;
  std::set<int> requests_;
  std::map<std::pair<int, int>, std::string> tracks_;
  std::set<std::uint64_t> loaded_;
};

}  // namespace

std::vector<Span> merged(std::vector<Span> spans) {
  std::ranges::sort(spans, {}, [](const Span& span) { return std::pair(span.begin, span.end); });
  std::vector<Span> out;
  for (const Span& span : spans) {
    if (!out.empty() && span.begin <= out.back().end) {
      out.back().end = std::max(out.back().end, span.end);
    } else {
      out.push_back(span);
    }
  }
  return out;
}

std::vector<double> covered_shares(const std::vector<Span>& spans, double begin, double end,
                                   int bins) {
  CALVO_EXPECT(begin < end && bins > 0);
  const double width = (end - begin) / bins;
  std::vector<double> shares(static_cast<std::size_t>(bins), 0.0);
  for (const Span& span : spans) {
    const double from = std::max(span.begin, begin);
    const double to = std::min(span.end, end);
    if (from >= to) continue;
    const int first = std::min(bins - 1, static_cast<int>((from - begin) / width));
    const int last = std::min(bins - 1, static_cast<int>((to - begin) / width));
    for (int bin = first; bin <= last; ++bin) {
      const double left = std::max(from, begin + bin * width);
      const double right = std::min(to, begin + (bin + 1) * width);
      if (right > left) shares[static_cast<std::size_t>(bin)] += (right - left) / width;
    }
  }
  for (double& share : shares) share = std::min(share, 1.0);
  return shares;
}

Timeline read_timeline(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(path)) {
    throw InputError({path, 0, 0}, "", "cannot be read; check its permissions");
  }
  TimelineBuilder builder;
  EventReader reader([&](const Event& event) { builder.take(event); });
  if (!Json::sax_parse(stream, &reader) || !reader.has_events()) {
    throw InputError({path, 0, 0}, "",
                     "is no timeline that `calvo run` wrote, or is cut short; run the scenario "
                     "again, or remove the file and do without");
  }
  return builder.result();
}

}  // namespace calvo::report
