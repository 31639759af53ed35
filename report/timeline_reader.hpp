// What a report needs of timeline.json: when resources were at work, and how a request's queueing
// splits into the time before it loads and the time after.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace calvo::report {

/// Times are microseconds from the start of the run.
struct Span {
  double begin = 0;
  double end = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

struct Timeline {
  bool there = false;
  /// By the name of the track ("instance0.gpu"), then by what it did ("prefill"): when it did so,
  /// ascending and without overlap.
  std::map<std::string, std::map<std::string, std::vector<Span>>> work;
  /// Microseconds that requests were queued after their loading, by id; those above 0.
  std::map<std::uint64_t, double> queued_after_loading;
};

/// Throws InputError if the file is missing or is no timeline that `calvo run` wrote.
Timeline read_timeline(const std::string& path);

/// Sorts, and merges what overlaps or touches.
std::vector<Span> merged(std::vector<Span> spans);

/// Share of each of `bins` equal parts of [begin, end) that `spans` cover.
/// Requires: begin < end, bins > 0; spans ascending and without overlap.
std::vector<double> covered_shares(const std::vector<Span>& spans, double begin, double end,
                                   int bins);

}  // namespace calvo::report
