// The fake driver's GPU: steps, and the account of what they compute.
#include <algorithm>

#include <fmt/format.h>

#include "tests/control/fake_driver.hpp"

namespace calvo::control::fake {

void FakeDriver::run_step(std::uint32_t instance, const Command& command,
                          const CommandBuffer& buffer) {
  Host& host = *instances_[instance];
  Step& step = host.step;
  if (step.running) complain("two steps at once");
  if (command.parts == 0 && command.decodes == 0) complain("empty step");
  if (command.parts > 0 && command.iterations != 1) complain("leap with prefill");
  step.running = true;
  step.run = command.run;
  ++step.epoch;
  step.iterations = command.iterations;
  step.done = 0;
  step.cut = step.computed = false;
  step.gate.clear();
  step.base = hardware_.step + command.decodes * hardware_.decode +
              command.decode_context.count() * hardware_.context_token;
  step.growth = command.decodes * hardware_.context_token;
  for (const StepPart& part : buffer.parts_of(command)) {
    const std::int64_t tokens = part.tokens.new_tokens.count();
    const std::int64_t context = part.tokens.context.count();
    if (tokens <= 0) complain("a part without tokens");
    step.base += tokens * hardware_.prefill_token + context * hardware_.context_token;
    Account& account = accounts_[part.request];
    if (account.next >= 0 && account.next != context) account.restarted = true;
    if (account.first_context < 0) account.first_context = context;
    account.next = context + tokens;
    account.prefilled += tokens;
    for (const auto& [run, transfer] : host.transfers) {
      if (transfer.kind != CommandKind::copy_in || transfer.command.request != part.request) {
        continue;
      }
      if (command.gate == Gate::layers) {
        step.gate.push_back(transfer.command.run);
      } else {
        complain("a step begins before its copies have ended: " + describe(command, buffer));
      }
    }
  }
  const std::span<const RequestId> decodes = buffer.decodes_of(command);
  for (const RequestId request : decodes) {
    if (accounts_[request].next < 0) complain("decode before prefill");
  }
  step.decoding.assign(decodes.begin(), decodes.end());
  step.tail = step.base / hardware_.layers;
  const std::uint64_t epoch = step.epoch;
  after(step.base, [this, instance, epoch] { iteration_over(instance, epoch); });
}

void FakeDriver::iteration_over(std::uint32_t instance, std::uint64_t epoch) {
  Step& step = instances_[instance]->step;
  if (!step.running || step.epoch != epoch) return;
  for (const RequestId request : step.decoding) ++accounts_[request].decoded;
  ++step.done;
  if (step.done < step.iterations && !step.cut) {
    after(step.base + step.done * step.growth,
          [this, instance, epoch] { iteration_over(instance, epoch); });
    return;
  }
  step.computed = true;
  if (step.gate.empty()) step.tail = Nanoseconds{0};
  maybe_end_step(instance);
}

/// A layer-wise step ends when its kernels and its copies have, with one layer behind the last
/// copy.
void FakeDriver::maybe_end_step(std::uint32_t instance) {
  Step& step = instances_[instance]->step;
  if (!step.running || !step.computed || !step.gate.empty()) return;
  step.computed = false;  // once
  const auto over = [this, instance] {
    Step& ended = instances_[instance]->step;
    ended.running = false;
    Event event{};
    event.kind = EventKind::step_done;
    event.run = ended.run;
    event.iterations = ended.done;
    tell(instance, event);
  };
  if (step.tail == Nanoseconds{0}) {
    over();
  } else {
    after(step.tail, over);
  }
}

void FakeDriver::leave(std::uint32_t instance, const Command& command, Outcome outcome) {
  if (ended_.contains(command.request)) complain("a request ends twice");
  ended_[command.request] = {outcome,        command.reason, instance,
                             command.cached, command.times,  command.preemptions};
  Event event{};
  event.kind = EventKind::finished;
  event.time = now_;
  event.request = command.request;
  after(Nanoseconds{0}, [this, event] {
    CommandBuffer nothing;
    const std::vector<Event> one{event};
    router_.handle(one, nothing);
  });
  const RequestSpec& spec = *specs_.at(command.request);
  if (outcome == Outcome::completed) {
    const Account& account = accounts_[command.request];
    const std::int64_t made = spec.input.count() - command.cached.count();
    if (command.preemptions == 0) {
      if (account.restarted) complain("a prompt was computed in parts that do not join");
      if (account.first_context != command.cached.count()) {
        complain("a prompt was not computed from its cached prefix on");
      }
      if (account.prefilled != made) {
        complain(fmt::format("request {}: {} tokens computed instead of {}", raw(spec.id),
                             account.prefilled, made));
      }
      const std::int64_t decodes = setup_.engine.decode ? spec.output.count() - 1 : 0;
      if (account.decoded != decodes) {
        complain(fmt::format("request {}: {} tokens decoded instead of {}", raw(spec.id),
                             account.decoded, decodes));
      }
    }
  }
  if (on_finish) on_finish(spec, now_);
}

}  // namespace calvo::control::fake
