// Steps of the GPUs: when their kernels run, and how long.
#include <algorithm>
#include <cmath>

#include "core/random.hpp"
#include "sim/cluster.hpp"
#include "sim/layer_pipeline.hpp"

namespace calvo::sim {

using control::Command;
using control::Event;
using control::EventKind;

double Cluster::noise() {
  if (scenario_.simulation.truth_noise == 0) return 1;
  Random random(scenario_.seed ^ 0x73746570ULL, noise_draws_++);
  return std::exp(scenario_.simulation.truth_noise * random.normal());
}

void Cluster::start_step(std::uint32_t index, const Command& command) {
  Host& host = hosts_[index];
  Step& step = host.step;
  step.run = command.run;
  step.gate = command.gate;
  step.formed = world_.date();
  step.iterations = command.iterations;
  step.decodes = command.decodes;
  step.decode_context = command.decode_context;
  step.parts.clear();
  step.requests.clear();
  for (const control::StepPart& part : commands_.parts_of(command)) {
    step.parts.push_back(part.tokens);
    step.requests.push_back(part.request);
  }
  step.first_copy = never;
  step.waiting = false;
  if (step.gate == control::Gate::layers) {
    for (const RequestId request : step.requests) {
      step.waiting = transfers_.copies_of(index, request, step.first_copy) > 0 || step.waiting;
    }
  }
  if (!step.waiting) launch_step(index);
}

/// The kernels run from now on. A step that computes layer by layer behind its copies is launched
/// when the last of them lands, with a head start: the layers it has run meanwhile.
void Cluster::launch_step(std::uint32_t index) {
  Host& host = hosts_[index];
  Step& step = host.step;
  StepPlan plan;
  plan.model = scenario_.truth.get();
  plan.shape = {step.parts, step.decodes, step.decode_context};
  plan.iterations = step.iterations;
  plan.overhead = scenario_.engine.costs.step;
  plan.factor = noise();
  if (step.waiting) {
    const int layers = scenario_.truth->layers();
    const Seconds work = plan.factor * scenario_.truth->step(plan.shape).first + plan.overhead;
    const Seconds per_layer = work / layers;
    const Seconds last = to_seconds(world_.date() - step.formed);
    const Seconds began = to_seconds(step.first_copy - step.formed);
    const Seconds first = began + (last - began) / layers;
    const Seconds end = last_layer_end(first, last, layers, Seconds{0}, per_layer);
    plan.head_start = std::max(Seconds{0}, work - (end - last));
    step.waiting = false;
  }
  host.gpu.start(world_.date(), plan);
  schedule_step(index);
  const double slows = scenario_.gpu.interference.compute_slows_copy;
  if (slows > 0) {
    const double lane = scenario_.gpu.pcie.bandwidth.count() / (1 + slows);
    for (std::int32_t gpu = 0; gpu < scenario_.engine.tensor_parallel; ++gpu) {
      world_.network().set_capacity(topology_.h2d_lane(InstanceId{index}, gpu), lane);
    }
  }
}

/// A copy has ended somewhere: steps that were waiting for their last one begin.
void Cluster::launch_gated() {
  for (const std::uint32_t index : launch_if_loaded_) {
    Host& host = hosts_[index];
    if (!host.step.waiting) continue;
    bool copying = false;
    Instant earliest = never;
    for (const RequestId request : host.step.requests) {
      copying = transfers_.copies_of(index, request, earliest) > 0 || copying;
    }
    if (!copying) launch_step(index);
  }
  launch_if_loaded_.clear();
}

void Cluster::schedule_step(std::uint32_t index) {
  const Host& host = hosts_[index];
  if (host.gpu.busy()) {
    world_.at(host.gpu.next_date(), {step_end, index, 0, host.gpu.version()});
  }
}

void Cluster::step_over(std::uint32_t index) {
  Host& host = hosts_[index];
  Step& step = host.step;
  if (!step.parts.empty()) host.prompt_time += world_.date() - step.formed;
  const char* what = step.parts.empty() ? "decode"
                     : step.decodes > 0 ? "prefill+decode"
                                        : "prefill";
  const RequestSpec* spec =
      step.requests.size() == 1 ? &requests_.spec(step.requests.front()) : nullptr;
  timeline_.add(host.gpu_track, spec, what, step.formed, world_.date());
  if (scenario_.gpu.interference.compute_slows_copy > 0) {
    for (std::int32_t gpu = 0; gpu < scenario_.engine.tensor_parallel; ++gpu) {
      world_.network().set_capacity(topology_.h2d_lane(InstanceId{index}, gpu),
                                    scenario_.gpu.pcie.bandwidth.count());
    }
  }
  Event done;
  done.kind = EventKind::step_done;
  done.run = step.run;
  done.iterations = host.gpu.iterations();
  post(index, done);
}

}  // namespace calvo::sim
