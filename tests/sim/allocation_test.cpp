// The event loop must not allocate: counted in operator new, of which this program has its own.
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "sim/world.hpp"

namespace {
long allocations = 0;
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace calvo::sim {
namespace {

/// Keeps 32 flows going between 8 links; each end sets a timer, each timer starts a flow.
class Churn final : public WorldHandler {
public:
  Churn(World& world, int events) : world_(world), left_(events) {
    for (int i = 0; i < 8; ++i) links_.push_back(world.network().add_link("link", 1e9));
    for (int i = 0; i < 32; ++i) world.at(Instant{}, {});
  }
  void on_events(Instant date, std::span<const WorldEvent> events) override {
    for (const WorldEvent& event : events) {
      if (--left_ == 0) world_.stop();
      if (left_ == warm_until) counted_from_ = allocations;
      if (event.source == WorldEvent::Source::timer) {
        const std::size_t first = random_.below(7);
        world_.network().start(
            {.links = std::span(links_).subspan(first, 2), .bytes = 1e6 * (1 + random_.uniform())});
      } else {
        world_.at(date + std::chrono::microseconds(1 + random_.below(100)), {});
      }
    }
    if (left_ > 0) counted_to_ = allocations;
  }
  long counted() const { return counted_to_ - counted_from_; }

private:
  static constexpr int warm_until = 10'000;
  World& world_;
  int left_;
  long counted_from_ = 0;
  long counted_to_ = 0;
  std::vector<LinkId> links_;
  Random random_{1};
};

TEST(World, AllocatesNothingPerEventOnceItHasHadItsLargestSize) {
  const auto world = World::create(WorldKind::pure);
  Churn churn(*world, 30'000);
  world->run(churn);
  EXPECT_LT(churn.counted(), 20) << "over 10,000 events; a buffer may still grow now and then";
}

}  // namespace
}  // namespace calvo::sim
