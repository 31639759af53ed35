#include "analysis/explain_steps.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "analysis/explain_split.hpp"

namespace calvo::analysis {

void StepCauses::gpu_memory(Instant from, Instant to) {
  const std::string resource = pieces_.of_instance("gpu_memory");
  each_step(from, to, [&](Instant begin, Instant end, const ExplainStep* step) {
    std::vector<RequestId> holders;
    if (step != nullptr) {
      holders = step->prompts;
      holders.insert(holders.end(), step->decodes.begin(), step->decodes.end());
      std::erase(holders, request_.id);
      std::ranges::sort(holders);
    }
    pieces_.add(begin, end, end - begin, Culprit::gpu_memory, resource, How::full,
                std::move(holders));
  });
}

void StepCauses::wait(Waiting why, Instant ready, Instant from, Instant to) {
  each_step(from, to, [&](Instant begin, Instant end, const ExplainStep* step) {
    if (step == nullptr) {
      return pieces_.add(begin, end, end - begin, Culprit::none, "", How::unknown, {});
    }
    // The step waits for loads of its members, and with it all that wait for the step.
    if (begin < step->begin) {
      transfers_.of_step(begin, std::min(end, step->begin), [&](Instant idle, Instant until) {
        memory_of_members(step->prompts, idle, until);
      });
    }
    if (step->begin < end) in_step(why, ready, *step, std::max(begin, step->begin), end);
  });
}

void StepCauses::each_step(Instant from, Instant to, const Use& use) const {
  const std::vector<std::uint32_t>& here = index_.steps_of[request_.instance];
  auto next = std::ranges::upper_bound(
      here, from, {}, [&](std::uint32_t i) { return index_.evidence.steps[i].end; });
  for (; next != here.end() && from < to; ++next) {
    const ExplainStep& step = index_.evidence.steps[*next];
    if (step.formed >= to) break;
    if (from < step.formed) use(from, step.formed, nullptr);
    const Instant begin = std::max(from, step.formed);
    const Instant end = std::min(to, step.end);
    if (begin < end) use(begin, end, &step);
    from = std::max(from, end);
  }
  if (from < to) use(from, to, nullptr);
}

void StepCauses::in_step(Waiting why, Instant ready, const ExplainStep& step, Instant from,
                         Instant to) {
  const double length = static_cast<double>((step.end - step.begin).count());
  const double software = std::min(length, static_cast<double>(step.software.count()));
  const bool own = why == Waiting::compute || why == Waiting::decode;
  const bool refused = !own && ready <= step.formed;
  if (refused && step.limit == StepLimit::max_running) {
    return pieces_.add(from, to, to - from, Culprit::request_limit,
                       pieces_.of_instance("max_running"), How::full, step.prompts);
  }
  // What a larger budget would have spared: the fixed part of a step that was full.
  const bool cut_short = why == Waiting::compute && step.end < request_.times.first_token;
  const bool budget =
      step.full && (cut_short || (refused && step.limit == StepLimit::token_budget));
  const double fixed = budget ? std::min(length, static_cast<double>(step.once.count())) : software;
  const double weights[] = {fixed, length - fixed};
  const std::vector<Nanoseconds> parts = split_time(to - from, weights);
  if (budget) {
    pieces_.add(from, to, parts[0], Culprit::token_budget, pieces_.of_instance("token_budget"),
                How::full, without_self(step.prompts));
  } else {
    pieces_.add(from, to, parts[0], Culprit::software, pieces_.of_instance("engine"),
                own ? How::own : How::others, {});
  }
  const std::string gpu = pieces_.of_instance("gpu");
  if (why == Waiting::compute || (why == Waiting::decode && step.prompts.empty())) {
    pieces_.add(from, to, parts[1], Culprit::gpu_compute, gpu, How::own, {});
  } else {
    pieces_.add_busy(from, to, parts[1], Culprit::gpu_compute, gpu, step.prompts);
  }
}

void StepCauses::memory_of_members(const std::vector<RequestId>& members, Instant from,
                                   Instant to) {
  for (const RequestId member : members) {
    const auto key = [](const ExplainWait& wait) {
      return std::pair(raw(wait.request), wait.from);
    };
    auto wait =
        std::ranges::upper_bound(index_.evidence.waits, std::pair(raw(member), from), {}, key);
    if (wait == index_.evidence.waits.begin()) continue;
    --wait;
    if (wait->request != member || wait->to <= from) continue;
    const bool host = wait->why == Waiting::host_memory;
    if (!host && wait->why != Waiting::gpu_memory) continue;
    const Instant until = std::min(to, wait->to);
    pieces_.add(from, until, until - from, host ? Culprit::host_memory : Culprit::gpu_memory,
                pieces_.of_instance(host ? "host_memory" : "gpu_memory"), How::full,
                without_self({member}));
    from = until;
    break;
  }
  if (from < to) pieces_.add(from, to, to - from, Culprit::none, "", How::unknown, {});
}

std::vector<RequestId> StepCauses::without_self(std::vector<RequestId> list) const {
  std::erase(list, request_.id);
  return list;
}

}  // namespace calvo::analysis
