#include "sim/world.hpp"

#include <csignal>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/contract.hpp"
#include "tests/sim/forked.hpp"

namespace calvo::sim {
namespace {

constexpr double gb = 1e9;

Instant at_ns(std::int64_t ns) {
  return Instant{Nanoseconds{ns}};
}

/// One event as a test sees it: which batch it came in, when, what it was.
struct Seen {
  std::int64_t batch;
  std::int64_t date;
  char source;  ///< 't' or 'f'
  std::uint64_t id;

  friend bool operator==(const Seen&, const Seen&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << seen.source << seen.id << " at " << seen.date << " in batch " << seen.batch;
  }
};

/// Writes down all events. Timer kinds: 0 nothing, 1 starts a flow of 1 GB on the link, 2 throws,
/// 3 stops the world, 4 sets a timer for the same date, 5 raises SIGINT.
class Recorder final : public WorldHandler {
public:
  explicit Recorder(World& world) : world_(world) {
    link_ = {world.network().add_link("link", gb)};
    world.network().declare_route(link_);
  }
  void on_events(Instant date, std::span<const WorldEvent> events) override {
    EXPECT_EQ(date, world_.date());
    for (const WorldEvent& event : events) {
      const bool timer = event.source == WorldEvent::Source::timer;
      const std::uint64_t id = timer ? event.timer.id : event.tag;
      seen.push_back({batches, date.time_since_epoch().count(), timer ? 't' : 'f', id});
      if (timer) act(event.timer);
    }
    ++batches;
  }

  std::vector<Seen> seen;
  std::int64_t batches = 0;

private:
  void act(const TimerEvent& timer) {
    if (timer.kind == 1) world_.network().start({.links = link_, .bytes = gb, .tag = timer.id});
    if (timer.kind == 2) throw std::runtime_error("handler");
    if (timer.kind == 3) world_.stop();
    if (timer.kind == 4) world_.at(world_.date(), {.id = timer.id + 100});
    if (timer.kind == 5) std::raise(SIGINT);
  }

  World& world_;
  std::vector<LinkId> link_;
};

template <class Setup>
std::vector<Seen> play(WorldKind kind, const Setup& setup) {
  return in_child([&] {
    const auto world = World::create(kind);
    Recorder recorder(*world);
    setup(*world);
    world->run(recorder);
    return recorder.seen;
  });
}

class EachWorld : public ::testing::TestWithParam<WorldKind> {};

std::string name(const ::testing::TestParamInfo<WorldKind>& info) {
  switch (info.param) {
    case WorldKind::fluid:
      return "fluid";
    case WorldKind::simgrid:
      return "simgrid";
    case WorldKind::pure:
      break;
  }
  return "pure";
}

TEST_P(EachWorld, TimersOfOneDateComeInOneBatchInTheOrderTheyWereSet) {
  const auto seen = play(GetParam(), [](World& world) {
    for (std::uint64_t i = 0; i < 8; ++i) world.at(at_ns(2000), {.id = i});
    world.at(at_ns(1000), {.id = 9});
  });
  std::vector<Seen> expected = {{0, 1000, 't', 9}};
  for (std::uint64_t i = 0; i < 8; ++i) expected.push_back({1, 2000, 't', i});
  EXPECT_EQ(seen, expected);
}

TEST_P(EachWorld, FlowThatEndsAtATimersDateSharesItsBatch) {
  const auto seen = play(GetParam(), [](World& world) {
    world.at(at_ns(0), {.kind = 1, .id = 1});
    world.at(at_ns(1'000'000'000), {.id = 2});
  });
  // The timer was set before the flow started.
  EXPECT_EQ(seen, (std::vector<Seen>{
                      {0, 0, 't', 1}, {1, 1'000'000'000, 't', 2}, {1, 1'000'000'000, 'f', 1}}));
}

TEST_P(EachWorld, FlowsThatEndTogetherComeInStartOrder) {
  const auto seen = play(GetParam(), [](World& world) {
    for (std::uint64_t i = 0; i < 5; ++i) world.at(at_ns(7), {.kind = 1, .id = i});
  });
  ASSERT_EQ(seen.size(), 10U);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(seen[5 + i], (Seen{1, 5'000'000'007, 'f', i}));
  }
}

TEST_P(EachWorld, WhatFallsOnTheDateBeingDeliveredComesInAFurtherBatchOfThatDate) {
  const auto seen =
      play(GetParam(), [](World& world) { world.at(at_ns(5), {.kind = 4, .id = 1}); });
  EXPECT_EQ(seen, (std::vector<Seen>{{0, 5, 't', 1}, {1, 5, 't', 101}}));
}

TEST_P(EachWorld, StopEndsTheRunAfterTheBatch) {
  const auto seen = play(GetParam(), [](World& world) {
    world.at(at_ns(5), {.kind = 3, .id = 1});
    world.at(at_ns(5), {.id = 2});
    world.at(at_ns(6), {.id = 3});
  });
  EXPECT_EQ(seen, (std::vector<Seen>{{0, 5, 't', 1}, {0, 5, 't', 2}}));
}

World* interrupted = nullptr;

TEST_P(EachWorld, SignalHandlerOfTheProcessStaysAndCanStopTheRun) {
  const auto seen = in_child([&] {
    std::signal(SIGINT, [](int) { interrupted->request_stop(); });
    const auto world = World::create(GetParam());
    interrupted = world.get();
    Recorder recorder(*world);
    world->at(at_ns(5), {.kind = 5, .id = 1});
    world->at(at_ns(6), {.id = 2});
    world->run(recorder);
    EXPECT_TRUE(world->stopped());
    return recorder.seen;
  });
  EXPECT_EQ(seen, (std::vector<Seen>{{0, 5, 't', 1}}));
}

TEST_P(EachWorld, ExceptionsOfTheHandlerLeaveRun) {
  const auto seen = in_child([&] {
    const auto world = World::create(GetParam());
    Recorder recorder(*world);
    world->at(at_ns(5), {.kind = 2, .id = 1});
    try {
      world->run(recorder);
    } catch (const std::runtime_error& error) {
      if (std::string(error.what()) == "handler") return recorder.seen;
    }
    return std::vector<Seen>{};
  });
  EXPECT_EQ(seen, (std::vector<Seen>{{0, 5, 't', 1}}));
}

TEST_P(EachWorld, RefusesATimerInThePast) {
  const auto seen = in_child([&] {
    const auto world = World::create(GetParam());
    Recorder recorder(*world);
    world->at(at_ns(10), {.id = 1});
    world->run(recorder);
    try {
      world->at(at_ns(9), {.id = 2});
    } catch (const ContractViolation&) {
      return recorder.seen;
    }
    return std::vector<Seen>{};
  });
  EXPECT_EQ(seen.size(), 1U);
}

TEST_P(EachWorld, ReportsBytesMovedAndCarried) {
  const auto bytes = in_child([&] {
    const auto world = World::create(GetParam());
    FlowNetwork& network = world->network();
    const std::vector<LinkId> link = {network.add_link("link", gb)};
    network.declare_route(link);
    struct Asker final : WorldHandler {
      World* world;
      std::vector<LinkId> link;
      FlowId flow{};
      std::vector<double> bytes;
      void on_events(Instant, std::span<const WorldEvent> events) override {
        FlowNetwork& net = world->network();
        if (events[0].source == WorldEvent::Source::timer) {
          if (events[0].timer.kind == 1) flow = net.start({.links = link, .bytes = gb, .tag = 0});
          if (events[0].timer.kind == 2) {
            bytes = {net.moved(flow), net.rate(flow), net.carried(link[0])};
          }
        } else {
          bytes.push_back(net.carried(link[0]));
        }
      }
    } asker;
    asker.world = world.get();
    asker.link = link;
    world->at(at_ns(0), {.kind = 1});
    world->at(at_ns(250'000'000), {.kind = 2});
    world->run(asker);
    return asker.bytes;
  });
  ASSERT_EQ(bytes.size(), 4U);
  EXPECT_NEAR(bytes[0], 0.25 * gb, 10);
  EXPECT_NEAR(bytes[1], gb, 100);
  EXPECT_NEAR(bytes[2], 0.25 * gb, 10);
  EXPECT_NEAR(bytes[3], gb, 10);
}

TEST_P(EachWorld, LoneCappedFlowTakesBytesOverCap) {
  const auto seen = in_child([&] {
    const auto world = World::create(GetParam());
    const std::vector<LinkId> link = {world->network().add_link("capped", 4 * gb)};
    world->network().declare_route(link);
    struct Starter final : WorldHandler {
      World* world;
      std::vector<LinkId> link;
      std::vector<Seen> seen;
      FlowId flow{};
      void on_events(Instant date, std::span<const WorldEvent> events) override {
        FlowNetwork& network = world->network();
        for (const WorldEvent& event : events) {
          if (event.source == WorldEvent::Source::flow) {
            seen.push_back({0, date.time_since_epoch().count(), 'f', event.tag});
          } else if (event.timer.kind == 0) {
            flow = network.start({.links = link, .bytes = 3 * gb, .cap = gb, .tag = 1});
          } else {
            EXPECT_NEAR(network.moved(flow), gb, 10);
            network.set_cap(flow, 2 * gb);
          }
        }
      }
    } starter;
    starter.world = world.get();
    starter.link = link;
    world->at(at_ns(0), {.kind = 0});
    world->at(at_ns(1'000'000'000), {.kind = 1});
    world->run(starter);
    return starter.seen;
  });
  EXPECT_EQ(seen, (std::vector<Seen>{{0, 2'000'000'000, 'f', 1}}));
}

INSTANTIATE_TEST_SUITE_P(World, EachWorld,
                         ::testing::Values(WorldKind::fluid, WorldKind::simgrid, WorldKind::pure),
                         name);

TEST(World, SecondSimGridEngineOfAProcessIsRefused) {
  const auto refused = in_child([] {
    const auto first = World::create(WorldKind::fluid);
    try {
      World::create(WorldKind::simgrid);
    } catch (const ContractViolation&) {
      return std::vector<int>{1};
    }
    return std::vector<int>{0};
  });
  EXPECT_EQ(refused, std::vector<int>{1});
}

TEST(World, FlowWithinHalfANanosecondOfATimerSharesItsBatch) {
  World::create(WorldKind::pure);  // as many as one likes
  const auto world = World::create(WorldKind::pure);
  Recorder recorder(*world);
  world->network().set_capacity(LinkId{0}, gb * (1 + 0.3e-9));  // ends 0.3 ns early
  world->at(at_ns(0), {.kind = 1, .id = 1});
  world->at(at_ns(1'000'000'000), {.id = 2});
  world->run(recorder);
  EXPECT_EQ(recorder.batches, 2);
}

}  // namespace
}  // namespace calvo::sim
