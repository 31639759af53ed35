// Plays a workload against a system that takes a known time for each request.
#pragma once

#include <functional>
#include <queue>
#include <vector>

#include "traces/workload.hpp"

namespace calvo::traces {

struct Stay {
  RequestId id{};
  Instant arrival{};
  Instant end{};
};

/// In order of arrival. `service` says how long a request stays in the system.
inline std::vector<Stay> play(Workload& workload,
                              const std::function<Nanoseconds(const RequestSpec&)>& service) {
  const auto later = [](const Due& a, const Due& b) {
    return a.at != b.at ? a.at > b.at : raw(a.request->id) > raw(b.request->id);
  };
  std::priority_queue<Due, std::vector<Due>, decltype(later)> arrivals(later);
  std::priority_queue<Due, std::vector<Due>, decltype(later)> ends(later);
  std::vector<Stay> stays(workload.requests().size());
  std::vector<Stay> order;
  for (const Due& due : workload.start()) arrivals.push(due);
  std::vector<Due> out;
  while (!arrivals.empty() || !ends.empty()) {
    if (ends.empty() || (!arrivals.empty() && arrivals.top().at < ends.top().at)) {
      const Due due = arrivals.top();
      arrivals.pop();
      Stay& stay = stays[static_cast<std::size_t>(raw(due.request->id))];
      stay = {due.request->id, due.at, due.at + service(*due.request)};
      order.push_back(stay);
      ends.push({stay.end, due.request});
    } else {
      const Due done = ends.top();
      ends.pop();
      out.clear();
      workload.finished(*done.request, done.at, out);
      for (const Due& due : out) arrivals.push(due);
    }
  }
  return order;
}

}  // namespace calvo::traces
