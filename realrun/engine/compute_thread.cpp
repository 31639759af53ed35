#include "realrun/engine/compute_thread.hpp"

#include <algorithm>
#include <utility>

#include "realrun/engine/tokens.hpp"

namespace calvo::realrun {

ComputeThread::ComputeThread(const ComputeSettings& settings, Device& device,
                             const WallClock& clock, NoticeRing& notices, StepGate& gate)
    : settings_(settings),
      device_(device),
      clock_(clock),
      notices_(notices),
      gate_(gate),
      orders_(4, bell_) {}

void ComputeThread::start() {
  worker_.start("compute" + std::to_string(settings_.instance), settings_.core, notices_,
                [this] { work(); });
}

void ComputeThread::work() {
  for (;;) {
    inbox_.clear();
    orders_.drain(inbox_);
    for (const ComputeOrder& next : inbox_) {
      if (std::holds_alternative<StopOrder>(next)) return;
      run(std::get<StepOrder>(next));
    }
    if (!inbox_.empty()) continue;
    bell_.arm();
    if (orders_.empty()) {
      bell_.sleep(Nanoseconds::max());
    } else {
      bell_.disarm();
    }
  }
}

void ComputeThread::run(const StepOrder& step) {
  const Instant began = clock_.now();
  std::int64_t done = 0;
  do {
    iterate(step, done);
    ++done;
  } while (done < step.iterations && !step.cut->load());
  Notice notice;
  notice.kind = Notice::Kind::event;
  notice.instance = settings_.instance;
  notice.began = began;
  notice.ended = clock_.now();
  notice.event.kind = control::EventKind::step_done;
  notice.event.run = step.run;
  notice.event.iterations = done;
  const bool prompt =
      std::ranges::any_of(step.sequences, [](const auto& sequence) { return !sequence.decode; });
  report_.busy += notice.ended - began;
  if (prompt) report_.prompt += notice.ended - began;
  notices_.push(std::move(notice));
}

void ComputeThread::iterate(const StepOrder& step, std::int64_t iteration) {
  tokens_.resize(std::max(tokens_.size(), step.sequences.size()));
  sequences_.clear();
  for (std::size_t i = 0; i < step.sequences.size(); ++i) {
    const StepOrder::Sequence& sequence = step.sequences[i];
    const std::int64_t context = sequence.context + (sequence.decode ? iteration : 0);
    tokens_[i].clear();
    for (std::int64_t t = 0; t < sequence.new_tokens; ++t) {
      tokens_[i].push_back(token_at(settings_.seed, *sequence.spec, settings_.block_tokens,
                                    context + t, settings_.vocab));
    }
    const auto pages = static_cast<std::size_t>(
        (context + sequence.new_tokens + settings_.block_tokens - 1) / settings_.block_tokens);
    sequences_.push_back(
        {tokens_[i], context, std::span(sequence.pages).first(pages), sequence.keep_logits});
  }
  StepInput input;
  input.sequences = sequences_;
  if (!step.gates.empty()) {
    input.wait_for_layer = [&](std::int32_t layer) { gate_.wait(layer, step.gates); };
  }
  results_.clear();
  device_.step(input, results_);
  for (std::size_t i = 0; i < step.sequences.size(); ++i) {
    if (!step.sequences[i].keep_logits) continue;
    report_.logits[step.sequences[i].spec->id] = std::move(results_[i].logits);
  }
}

}  // namespace calvo::realrun
