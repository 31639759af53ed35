#include "control/request_book.hpp"

#include <algorithm>
#include <utility>

#include "core/contract.hpp"

namespace calvo::control {
namespace {

Outcome outcome_of(CommandKind end) {
  switch (end) {
    case CommandKind::finish:
      return Outcome::completed;
    case CommandKind::reject:
      return Outcome::rejected;
    default:
      CALVO_EXPECT(end == CommandKind::cancelled);
      return Outcome::cancelled;
  }
}

}  // namespace

RequestSpec& RequestBook::spec(RequestId id) const {
  CALVO_EXPECT(raw(id) < specs_.size());
  return specs_[raw(id)];
}

void RequestBook::arrived(const RequestSpec& spec) {
  CALVO_EXPECT(rows_[raw(spec.id)] == none);
  rows_[raw(spec.id)] = static_cast<std::int32_t>(records_.size());
  RequestRecord& record = records_.emplace_back();
  record.id = spec.id;
  record.session = spec.session;
  record.turn = spec.turn;
  record.input = spec.input;
  record.times.arrival = spec.arrival;
  record.deadline = spec.deadline;
  record.isolated_ttft = spec.isolated_ttft;
}

Event RequestBook::dispatched(const Command& dispatch) {
  CALVO_EXPECT(dispatch.kind == CommandKind::dispatch);
  record(dispatch.request).instance = dispatch.instance;
  Event arrival;
  arrival.kind = EventKind::arrival;
  arrival.spec = &spec(dispatch.request);
  return arrival;
}

void RequestBook::ended(const Command& end, bool decode) {
  RequestRecord& over = record(end.request);
  over.times = end.times;
  over.outcome = outcome_of(end.kind);
  over.reason = end.reason;
  over.cached = end.cached;
  over.preemptions = end.preemptions;
  if (over.outcome == Outcome::completed)
    over.output = decode ? spec(end.request).output : Tokens{1};
  ++ended_;
}

std::vector<RequestRecord> RequestBook::take() {
  std::ranges::sort(records_, {}, [](const RequestRecord& record) { return raw(record.id); });
  std::ranges::fill(rows_, none);
  ended_ = 0;
  return std::exchange(records_, {});
}

RequestRecord& RequestBook::record(RequestId id) {
  const std::int32_t row = rows_[raw(id)];
  CALVO_EXPECT(row != none);
  return records_[static_cast<std::size_t>(row)];
}

}  // namespace calvo::control
