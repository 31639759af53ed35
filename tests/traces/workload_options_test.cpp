#include "traces/workload_options.hpp"

#include <functional>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "core/contract.hpp"

namespace calvo::traces {
namespace {

std::string problem(const WorkloadOptions& options) {
  const auto found = problem_in(options);
  return found ? found->field + ": " + found->problem : "none";
}

std::string trace_problem(const std::function<void(TraceOptions&)>& change) {
  WorkloadOptions options;
  options.trace.file = "t";
  change(options.trace);
  return problem(options);
}

std::string synthetic_problem(const std::function<void(SyntheticOptions&)>& change) {
  WorkloadOptions options;
  options.kind = WorkloadKind::synthetic;
  options.synthetic = calvo_workload(CalvoDataset::icl);
  change(options.synthetic);
  return problem(options);
}

TEST(WorkloadOptions, AreFineAsTheyCome) {
  EXPECT_EQ(trace_problem([](TraceOptions&) {}), "none");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions&) {}), "none");
}

TEST(WorkloadOptions, NameTheFieldThatIsWrong) {
  EXPECT_EQ(trace_problem([](TraceOptions& o) { o.file.clear(); }),
            "file: missing; name the trace to play");
  EXPECT_EQ(trace_problem([](TraceOptions& o) { o.open.rate_scale = 0; }),
            "open.rate_scale: must be above 0, is \"0\"");
  EXPECT_EQ(trace_problem([](TraceOptions& o) { o.open.rate_scale = std::nan(""); }),
            "open.rate_scale: must be above 0, is \"nan\"");
  EXPECT_EQ(trace_problem([](TraceOptions& o) { o.closed.shared_prefix = 1.5; }),
            "closed.shared_prefix: must be between 0 and 1, is \"1.5\"");
  EXPECT_EQ(trace_problem([](TraceOptions& o) { o.closed.live_sessions = 0; }),
            "closed.live_sessions: must be at least 1, is \"0\"");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) { o.count = 0; }),
            "synthetic.count: missing; give a count or a duration");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) { o.context.cv = -1; }),
            "synthetic.context.cv: must be between 0 and 100, is \"-1\"");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) {
              o.hit_fractions = {0.5, 2};
            }),
            "synthetic.hit_fractions: must be between 0 and 1, is \"2\"");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) { o.arrival.rate = -3; }),
            "synthetic.arrival.rate: must be above 0, is \"-3\"");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) { o.arrival.kind = ArrivalKind::mmpp; }),
            "synthetic.arrival.rates: needs at least two states");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) { o.query.mean = 0; }),
            "synthetic.query.mean: must be at least 1, is \"0\"");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) { o.output.kind = LengthKind::uniform; }),
            "synthetic.output.high: must be at least 1, is \"0\"");
  EXPECT_EQ(synthetic_problem([](SyntheticOptions& o) { o.query.kind = LengthKind::empirical; }),
            "synthetic.query.values: missing; give values or a trace file to draw from");
}

TEST(WorkloadOptions, NameTheRequestThatIsWrong) {
  WorkloadOptions options;
  options.kind = WorkloadKind::requests;
  EXPECT_EQ(problem(options), "requests: missing; write at least one request");
  options.requests = {{}, {0, Tokens{1}, Tokens{0}, Tokens{1}}};
  EXPECT_EQ(problem(options), "requests[1].query: must be between 1 and 1000000000, is \"0\"");
}

TEST(WorkloadOptions, AreCheckedBeforeAWorkloadIsMade) {
  WorkloadOptions options;
  options.kind = WorkloadKind::requests;
  EXPECT_THROW(make_workload(options, Tokens{16}, 1), ContractViolation);
}

TEST(MakeWorkload, OffersWhatLiesInThePoolBeforeTheRun) {
  WorkloadOptions options;
  options.kind = WorkloadKind::requests;
  options.requests = {{0, Tokens{32}, Tokens{1}, Tokens{1}}};
  const auto workload = make_workload(options, Tokens{16}, 1);
  EXPECT_EQ(workload->initially_stored(), (std::vector<BlockRun>{{BlockId{0}, 2}}));
  EXPECT_EQ(workload->requests()[0].blocks.front().first, BlockId{0});
}

}  // namespace
}  // namespace calvo::traces
