#include "sim/fluid_solver.hpp"

#include <map>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "tests/sim/brute_force.hpp"

namespace calvo::sim {
namespace {

constexpr double gb = 1e9;

struct Network {
  FluidSolver solver;
  std::uint64_t sequence = 0;

  FlowId start(std::vector<LinkId> links, double bytes, double cap = no_cap, double weight = 1) {
    const std::uint64_t tag = sequence++;
    return solver.start({.links = links, .bytes = bytes, .cap = cap, .weight = weight, .tag = tag},
                        tag);
  }
  /// Dates by tag, of all flows until none ends any more.
  std::map<std::uint64_t, double> run() {
    std::map<std::uint64_t, double> dates;
    for (double next = solver.next_completion(); next < no_cap; next = solver.next_completion()) {
      solver.advance(next);
      while (solver.known_completion() <= next) dates[solver.pop_completion().tag] = next;
    }
    return dates;
  }
};

TEST(FluidSolver, OneFlowTakesBytesOverCapacityOfItsNarrowestLink) {
  Network network;
  const LinkId wide = network.solver.add_link(5 * gb);
  const LinkId narrow = network.solver.add_link(2 * gb);
  network.start({wide, narrow}, 3 * gb);
  EXPECT_DOUBLE_EQ(network.run().at(0), 1.5);
  EXPECT_DOUBLE_EQ(network.solver.carried(wide), 3 * gb);
}

TEST(FluidSolver, NEqualFlowsTakeNTimesAsLong) {
  for (int n = 1; n <= 9; ++n) {
    Network network;
    const LinkId link = network.solver.add_link(gb);
    for (int i = 0; i < n; ++i) network.start({link}, gb);
    const auto dates = network.run();
    ASSERT_EQ(dates.size(), static_cast<std::size_t>(n));
    for (const auto& [tag, date] : dates) EXPECT_NEAR(date, n, 1e-12) << tag;
  }
}

// A crosses both links, B the first, C the second: A and B share the narrow one, C has the rest.
TEST(FluidSolver, TextbookExampleOfThreeFlows) {
  Network network;
  const LinkId first = network.solver.add_link(1 * gb);
  const LinkId second = network.solver.add_link(2 * gb);
  const FlowId a = network.start({first, second}, gb);
  const FlowId b = network.start({first}, gb);
  const FlowId c = network.start({second}, gb);
  EXPECT_DOUBLE_EQ(network.solver.rate(a), 0.5 * gb);
  EXPECT_DOUBLE_EQ(network.solver.rate(b), 0.5 * gb);
  EXPECT_DOUBLE_EQ(network.solver.rate(c), 1.5 * gb);
}

TEST(FluidSolver, RateFreedByAnEndGoesToThoseThatRemain) {
  Network network;
  const LinkId link = network.solver.add_link(gb);
  network.start({link}, 1 * gb);
  network.start({link}, 2 * gb);
  const auto dates = network.run();
  EXPECT_DOUBLE_EQ(dates.at(0), 2.0);  // half rate
  EXPECT_DOUBLE_EQ(dates.at(1), 3.0);  // 1 GB by then, the rest at full rate
}

TEST(FluidSolver, CapHoldsAndTheRestGoesToOthers) {
  Network network;
  const LinkId link = network.solver.add_link(gb);
  const FlowId capped = network.start({link}, gb, 0.1 * gb);
  const FlowId free = network.start({link}, gb);
  EXPECT_DOUBLE_EQ(network.solver.rate(capped), 0.1 * gb);
  EXPECT_DOUBLE_EQ(network.solver.rate(free), 0.9 * gb);
  network.solver.set_cap(capped, 0.4 * gb);
  EXPECT_DOUBLE_EQ(network.solver.rate(free), 0.6 * gb);
  network.solver.set_cap(capped, no_cap);
  EXPECT_DOUBLE_EQ(network.solver.rate(capped), 0.5 * gb);
}

TEST(FluidSolver, WeightsShareInProportion) {
  Network network;
  const LinkId link = network.solver.add_link(gb);
  network.start({link}, gb, no_cap, 3);
  network.start({link}, gb, no_cap, 1);
  const auto dates = network.run();
  EXPECT_DOUBLE_EQ(dates.at(0), 4.0 / 3);
  EXPECT_DOUBLE_EQ(dates.at(1), 2.0);
}

TEST(FluidSolver, CapacityChangeAppliesFromItsDate) {
  Network network;
  const LinkId link = network.solver.add_link(gb);
  const FlowId flow = network.start({link}, 4 * gb);
  network.solver.advance(1);
  network.solver.set_capacity(link, 3 * gb);
  EXPECT_DOUBLE_EQ(network.solver.next_completion(), 2.0);
  network.solver.advance(1.5);
  network.solver.set_capacity(link, 0);
  EXPECT_EQ(network.solver.next_completion(), no_cap);
  network.solver.advance(7);
  EXPECT_DOUBLE_EQ(network.solver.moved(flow), 2.5 * gb);
  network.solver.set_capacity(link, gb);
  EXPECT_DOUBLE_EQ(network.solver.next_completion(), 8.5);
}

TEST(FluidSolver, ResizeMovesTheEndAndNothingElse) {
  Network network;
  const LinkId link = network.solver.add_link(gb);
  const FlowId flow = network.start({link}, 4 * gb);
  const FlowId other = network.start({link}, 4 * gb);
  network.solver.next_completion();
  network.solver.advance(2);
  EXPECT_DOUBLE_EQ(network.solver.moved(flow), gb);
  network.solver.resize(flow, 1.5 * gb);
  EXPECT_DOUBLE_EQ(network.solver.next_completion(), 3.0);
  EXPECT_DOUBLE_EQ(network.solver.rate(other), 0.5 * gb);
  network.solver.resize(flow, gb);  // what has moved is enough
  EXPECT_DOUBLE_EQ(network.solver.next_completion(), 2.0);
  EXPECT_THROW(network.solver.resize(flow, 0.5 * gb), ContractViolation);
}

TEST(FluidSolver, CancelledFlowLeavesItsBytesOnTheBooksAndFreesItsShare) {
  Network network;
  const LinkId link = network.solver.add_link(gb);
  const FlowId flow = network.start({link}, 4 * gb);
  const FlowId other = network.start({link}, 4 * gb);
  network.solver.next_completion();
  network.solver.advance(2);
  network.solver.cancel(flow);
  EXPECT_DOUBLE_EQ(network.solver.rate(other), gb);
  EXPECT_DOUBLE_EQ(network.solver.carried(link), 2 * gb);
  EXPECT_DOUBLE_EQ(network.run().at(1), 5.0);
  EXPECT_DOUBLE_EQ(network.solver.carried(link), 5 * gb);
  EXPECT_THROW(network.solver.cancel(flow), ContractViolation);
}

TEST(FluidSolver, EqualDatesComeOutInStartOrder) {
  Network network;
  const LinkId link = network.solver.add_link(gb);
  for (int i = 0; i < 20; ++i) network.start({link}, gb);
  network.solver.advance(network.solver.next_completion());
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(network.solver.pop_completion().tag, i);
}

TEST(FluidSolver, RefusesWhatItCannotCarry) {
  FluidSolver solver;
  const LinkId link = solver.add_link(gb);
  const std::vector<LinkId> twice = {link, link};
  const std::vector<LinkId> once = {link};
  EXPECT_THROW(solver.add_link(0), ContractViolation);
  EXPECT_THROW(solver.start({.links = {}, .bytes = 1}, 0), ContractViolation);
  EXPECT_THROW(solver.start({.links = once, .bytes = 0}, 0), ContractViolation);
  EXPECT_THROW(solver.start({.links = twice, .bytes = 1}, 0), ContractViolation);
}

class FluidSolverProperty : public ::testing::TestWithParam<unsigned> {};

// Property: after any sequence of starts, cancels, ends and changes, rates are those of the
// definition, and each link has carried what its flows have moved.
TEST_P(FluidSolverProperty, RatesAreMaxMinFairAndBytesAddUp) {
  Random random(GetParam());
  FluidSolver solver;
  std::vector<LinkId> links;
  std::vector<double> capacities;
  std::vector<double> carried(1 + random.below(12), 0.0);
  for (std::size_t i = 0; i < carried.size(); ++i) {
    capacities.push_back((1 + random.uniform()) * gb);
    links.push_back(solver.add_link(capacities.back()));
  }
  struct Live {
    FlowId id;
    BruteFlow flow;
    double total;
  };
  std::map<std::uint64_t, Live> live;
  const bool plain = GetParam() % 2 == 0;  // no weights and caps: many ties
  std::uint64_t sequence = 0;

  for (int step = 0; step < 300; ++step) {
    const std::uint64_t action = random.below(10);
    if (action < 5) {
      Live flow;
      std::vector<LinkId> path;
      for (std::size_t l = 0; l < links.size(); ++l) {
        if (random.below(3) > 0 || path.size() == FluidSolver::max_links) continue;
        path.push_back(links[l]);
        flow.flow.links.push_back(l);
      }
      if (path.empty()) continue;
      if (!plain && random.below(2) == 0) flow.flow.cap = random.uniform() * gb;
      if (!plain) flow.flow.weight = 0.25 + random.uniform() * 4;
      flow.total = (0.1 + random.uniform()) * gb;
      flow.id = solver.start({.links = path,
                              .bytes = flow.total,
                              .cap = flow.flow.cap,
                              .weight = flow.flow.weight,
                              .tag = sequence},
                             sequence);
      live[sequence++] = flow;
    } else if (action < 6 && !live.empty()) {
      const auto victim = std::next(live.begin(), static_cast<int>(random.below(live.size())));
      for (const auto l : victim->second.flow.links) carried[l] += solver.moved(victim->second.id);
      solver.cancel(victim->second.id);
      live.erase(victim);
    } else if (action < 7) {
      const std::size_t link = random.below(links.size());
      capacities[link] = (1 + random.uniform()) * gb;
      solver.set_capacity(links[link], capacities[link]);
    } else if (!live.empty() && action < 9) {
      const double next = solver.next_completion();
      ASSERT_LT(next, no_cap);
      solver.advance(next);
      while (solver.known_completion() <= next) {
        const auto done = live.find(solver.pop_completion().tag);
        ASSERT_NE(done, live.end());
        for (const auto l : done->second.flow.links) carried[l] += done->second.total;
        live.erase(done);
      }
    } else {
      const double until = std::min(solver.next_completion(), solver.now() + 0.1);
      solver.advance(until);
    }
    std::vector<BruteFlow> flows;
    for (const auto& [tag, flow] : live) flows.push_back(flow.flow);
    const std::vector<double> expected = brute_force_rates(capacities, flows);
    std::size_t i = 0;
    std::vector<double> on_link = carried;
    for (const auto& [tag, flow] : live) {
      ASSERT_NEAR(solver.rate(flow.id), expected[i], 1e-8 * expected[i]) << "step " << step;
      ++i;
      for (const std::size_t l : flow.flow.links) on_link[l] += solver.moved(flow.id);
    }
    for (std::size_t l = 0; l < links.size(); ++l) {
      ASSERT_NEAR(solver.carried(links[l]), on_link[l], 1e-3) << "step " << step;
    }
    ASSERT_EQ(solver.flows_in_progress(), live.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Seed, FluidSolverProperty, ::testing::Range(0U, 50U));

}  // namespace
}  // namespace calvo::sim
