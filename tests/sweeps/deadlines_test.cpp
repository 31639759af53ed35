// A sweep over machines, and which deadlines they are held to.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sweeps/fixture.hpp"

namespace calvo::sweeps::testing {
namespace {

const std::string two_nics = "axes: {hardware.nic: [rdma_100g, rdma_400g]}\n";

Nanoseconds first_deadline(const Plan& plan, std::size_t cell) {
  const scenarios::Scenario scenario =
      scenarios::load_scenario_text(plan.file().scenario_text, plan.file().scenario_path,
                                    plan.load_options(plan.grid()[cell], 1));
  return scenario.workload->requests().front().deadline;
}

TEST(SweepDeadlines, AreThoseOfEachCellUnlessTheFileSaysAsWritten) {
  const SweepFolder here;
  const std::string hits = "set: {workload.synthetic.hit_fractions: [1]}\n";
  const Plan own = here.plan(hits + two_nics);
  EXPECT_LT(first_deadline(own, 1), first_deadline(own, 0));
  const Plan written = here.plan(hits + two_nics + "deadlines: as_written\n");
  EXPECT_EQ(first_deadline(written, 1), first_deadline(written, 0));
  EXPECT_EQ(first_deadline(written, 0), first_deadline(own, 0));
  EXPECT_NE(written.grid()[1].id, own.grid()[1].id) << "they come to other results";
}

TEST(SweepDeadlines, RefuseAnotherWord) {
  const SweepFolder here;
  EXPECT_EQ(here.error_of(two_nics + "deadlines: as_writen\n"),
            "w.yaml:3:12: deadlines: unknown machines of deadlines \"as_writen\" (did you mean "
            "\"as_written\"?)");
}

}  // namespace
}  // namespace calvo::sweeps::testing
