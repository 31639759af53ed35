#include "traces/planned_workload.hpp"

#include <algorithm>
#include <utility>

#include "core/contract.hpp"

namespace calvo::traces {

PlannedWorkload::PlannedWorkload(Plan plan) : plan_(std::move(plan)) {
  const std::size_t count = plan_.requests.size();
  CALVO_EXPECT(plan_.earliest.size() == count && plan_.gap.size() == count);
  CALVO_EXPECT(plan_.first_wait.size() == count + 1);
  CALVO_EXPECT(plan_.session_start.size() >= std::min(plan_.live_sessions, plan_.sessions.size()));

  pending_.resize(count);
  ended_.resize(count);
  first_successor_.assign(count + 1, 0);
  for (std::size_t i = 0; i < count; ++i) {
    pending_[i] = plan_.first_wait[i + 1] - plan_.first_wait[i];
    for (std::uint32_t w = plan_.first_wait[i]; w < plan_.first_wait[i + 1]; ++w) {
      CALVO_EXPECT(plan_.waits[w] < i);
      ++first_successor_[plan_.waits[w] + 1];
    }
  }
  for (std::size_t i = 0; i < count; ++i) first_successor_[i + 1] += first_successor_[i];
  successors_.resize(first_successor_[count]);
  std::vector<std::uint32_t> at(first_successor_.begin(), first_successor_.end() - 1);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::uint32_t w = plan_.first_wait[i]; w < plan_.first_wait[i + 1]; ++w) {
      successors_[at[plan_.waits[w]]++] = static_cast<std::uint32_t>(i);
    }
  }

  if (plan_.sessions.empty()) return;
  session_of_.resize(count);
  session_begin_.resize(plan_.sessions.size());
  for (std::size_t s = 0; s < plan_.sessions.size(); ++s) {
    const Plan::Session& session = plan_.sessions[s];
    CALVO_EXPECT(session.request_count > 0);
    session_left_.push_back(session.request_count);
    for (std::uint32_t i = 0; i < session.request_count; ++i) {
      session_of_[session.first_request + i] = static_cast<std::uint32_t>(s);
    }
  }
}

Due PlannedWorkload::emit(std::size_t request, Instant at) {
  const Instant begin = session_begin_.empty() ? Instant{} : session_begin_[session_of_[request]];
  RequestSpec& spec = plan_.requests[request];
  spec.arrival = std::max(at, begin + plan_.earliest[request]);
  return {spec.arrival, &spec};
}

void PlannedWorkload::start_session(std::size_t session, Instant at, std::vector<Due>& out) {
  const Plan::Session& entry = plan_.sessions[session];
  session_begin_[session] = at;
  for (std::size_t i = entry.first_request; i < entry.first_request + entry.request_count; ++i) {
    if (pending_[i] == 0) out.push_back(emit(i, at));
  }
}

std::vector<Due> PlannedWorkload::start() {
  std::vector<Due> due;
  if (plan_.sessions.empty()) {
    for (std::size_t i = 0; i < plan_.requests.size(); ++i) {
      if (pending_[i] == 0) due.push_back(emit(i, Instant{}));
    }
  } else {
    next_session_ = std::min(plan_.live_sessions, plan_.sessions.size());
    for (std::size_t s = 0; s < next_session_; ++s) {
      start_session(s, Instant{plan_.session_start[s]}, due);
    }
  }
  std::ranges::stable_sort(due, {}, &Due::at);  // ties keep the order of ids
  return due;
}

void PlannedWorkload::finished(const RequestSpec& request, Instant now, std::vector<Due>& out) {
  const auto id = static_cast<std::size_t>(raw(request.id));
  CALVO_EXPECT(id < plan_.requests.size() && ended_[id] == 0);
  ended_[id] = 1;
  for (std::uint32_t s = first_successor_[id]; s < first_successor_[id + 1]; ++s) {
    const std::uint32_t successor = successors_[s];
    if (--pending_[successor] == 0) out.push_back(emit(successor, now + plan_.gap[successor]));
  }
  if (plan_.sessions.empty() || --session_left_[session_of_[id]] > 0) return;
  if (next_session_ < plan_.sessions.size()) start_session(next_session_++, now, out);
}

}  // namespace calvo::traces
