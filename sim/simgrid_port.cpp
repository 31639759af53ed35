#include "sim/simgrid_port.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include "core/contract.hpp"
#include "sim/fluid_world.hpp"
#include "sim/simgrid_engine.hpp"

namespace calvo::sim {
namespace {

using simgrid::kernel::timer::Timer;

/// SimGrid's engine installs handlers of its own for these; whoever embeds it has the say.
constexpr std::array taken_signals = {SIGINT, SIGSEGV};

/// Our solver and our timers as one model of the SimGrid engine: SimGrid asks it for the next date,
/// moves its clock there and runs the timer that delivers that date, after every model has moved.
class FluidModel final : public simgrid::kernel::resource::Model {
public:
  using NextDate = std::function<Instant()>;
  using Step = std::function<void(Instant)>;

  FluidModel(NextDate next_date, Step step)
      : Model("calvo fluid"), next_date_(std::move(next_date)), step_(std::move(step)) {}

  double next_occurring_event(double now) override {
    next_ = next_date_();
    return next_ == never ? -1.0 : std::max(0.0, seconds_of(next_) - now);
  }

  // Called when the clock has moved, and nothing but this model moves it.
  void update_actions_state(double now, double /*delta*/) override {
    if (next_ == never) return;
    Timer::set(now, [this, date = next_] { step_(date); });
    next_ = never;
  }

private:
  NextDate next_date_;
  Step step_;
  Instant next_ = never;
};

class SimGridFluidWorld final : public FluidWorld {
public:
  SimGridFluidWorld() {
    simgrid::s4u::create_star_zone("calvo")->seal();  // the engine does not run without a platform
    engine_->add_model(std::make_shared<FluidModel>([this] { return next_date(); },
                                                    [this](Instant date) { step(date); }),
                       {});
  }

private:
  void do_run() override { engine_->run(); }

  SimGridEngine engine_;
};

}  // namespace

SimGridEngine::SimGridEngine() {
  static bool exists = false;
  CALVO_EXPECT(!exists);
  exists = true;
  std::array<struct sigaction, taken_signals.size()> before{};
  for (std::size_t i = 0; i < taken_signals.size(); ++i) {
    sigaction(taken_signals[i], nullptr, &before[i]);
  }
  std::string program = "calvo";
  std::string quiet = "--log=root.thresh:error";
  std::array<char*, 3> arguments = {program.data(), quiet.data(), nullptr};
  int count = 2;
  engine_ = std::make_unique<simgrid::s4u::Engine>(&count, arguments.data());
  for (std::size_t i = 0; i < taken_signals.size(); ++i) {
    sigaction(taken_signals[i], &before[i], nullptr);
  }
  // Exact max-min: no bandwidth factors, no cross traffic, no window limit.
  using simgrid::s4u::Engine;
  Engine::set_config("network/model:CM02");
  Engine::set_config("network/crosstraffic:0");
  Engine::set_config("network/TCP-gamma:0");
}

std::unique_ptr<World> make_simgrid_fluid_world() {
  return std::make_unique<SimGridFluidWorld>();
}

}  // namespace calvo::sim
