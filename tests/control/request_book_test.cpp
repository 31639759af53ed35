#include "control/request_book.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/contract.hpp"

namespace calvo::control {
namespace {

std::vector<RequestSpec> three() {
  std::vector<RequestSpec> specs(3);
  for (std::uint64_t i = 0; i < specs.size(); ++i) {
    specs[i].id = RequestId{i};
    specs[i].output = Tokens{5};
    specs[i].arrival = Instant{Nanoseconds{10 - static_cast<std::int64_t>(i)}};
  }
  return specs;
}

Command of(CommandKind kind, std::uint64_t request) {
  Command command;
  command.kind = kind;
  command.request = RequestId{request};
  return command;
}

TEST(RequestBook, HasThoseThatArrivedByIdWhateverTheirOrder) {
  std::vector<RequestSpec> specs = three();
  RequestBook book(specs);
  book.arrived(specs[2]);
  book.arrived(specs[0]);
  Command dispatch = of(CommandKind::dispatch, 2);
  dispatch.instance = InstanceId{7};
  const Event arrival = book.dispatched(dispatch);
  EXPECT_EQ(arrival.kind, EventKind::arrival);
  EXPECT_EQ(arrival.spec, &specs[2]);
  const std::vector<RequestRecord> records = book.take();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].id, RequestId{0});
  EXPECT_EQ(records[1].id, RequestId{2});
  EXPECT_EQ(records[1].instance, InstanceId{7});
  EXPECT_EQ(records[1].times.arrival, Instant{Nanoseconds{8}});
  EXPECT_EQ(records[1].outcome, Outcome::unfinished);
  EXPECT_TRUE(book.take().empty());
}

TEST(RequestBook, CountsOutputOfThoseThatCompletedAlone) {
  std::vector<RequestSpec> specs = three();
  RequestBook book(specs);
  for (const RequestSpec& spec : specs) book.arrived(spec);
  book.ended(of(CommandKind::finish, 0), true);
  book.ended(of(CommandKind::finish, 1), false);
  Command reject = of(CommandKind::reject, 2);
  reject.reason = RejectReason::larger_than_gpu_memory;
  book.ended(reject, true);
  EXPECT_EQ(book.ended(), 3);
  const std::vector<RequestRecord> records = book.take();
  EXPECT_EQ(records[0].output, Tokens{5});
  EXPECT_EQ(records[1].output, Tokens{1});
  EXPECT_EQ(records[2].output, Tokens{0});
  EXPECT_EQ(records[2].outcome, Outcome::rejected);
  EXPECT_EQ(records[2].reason, RejectReason::larger_than_gpu_memory);
}

TEST(RequestBook, KnowsNoEndBeforeAnArrivalAndNoSecondArrival) {
  std::vector<RequestSpec> specs = three();
  RequestBook book(specs);
  EXPECT_THROW(book.ended(of(CommandKind::cancelled, 1), true), ContractViolation);
  book.arrived(specs[1]);
  EXPECT_THROW(book.arrived(specs[1]), ContractViolation);
}

}  // namespace
}  // namespace calvo::control
