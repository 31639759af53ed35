#include "traces/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/contract.hpp"
#include "core/random.hpp"
#include "traces/arrivals.hpp"
#include "traces/block_names.hpp"
#include "traces/lengths.hpp"
#include "traces/named_requests.hpp"

namespace calvo::traces {
namespace {

constexpr std::uint64_t context_stream = 1;  ///< random streams: one seed for each kind of draw
constexpr std::uint64_t query_stream = 2;
constexpr std::uint64_t output_stream = 3;
constexpr std::uint64_t choice_stream = 4;
constexpr std::uint64_t arrival_stream = 5;

std::uint64_t seed_for(std::uint64_t seed, std::uint64_t stream) {
  return Random(seed, stream).bits();
}

/// A text that requests begin with: a part of the one common text, then a part of its own.
struct Context {
  std::int64_t tokens = 0;
  std::int64_t common_blocks = 0;  ///< whole blocks inside the common text
  std::int64_t own_blocks = 0;     ///< whole blocks after them
  std::int64_t stored_blocks = 0;  ///< leading blocks in the pool before the run
  std::uint64_t first_own = 0;     ///< block id
};

class ContextMaker {
public:
  ContextMaker(const SyntheticOptions& options, std::int64_t block, std::uint64_t seed)
      : prefix_(options.shared_prefix),
        context_(options.context),
        hits_(options.hit_fractions),
        block_(block),
        seed_(seed_for(seed, context_stream)) {}

  Context make(std::uint64_t number) const {
    Random random(seed_, number);
    const std::int64_t common = prefix_.draw(random, 0);
    Context context;
    context.tokens = common + context_.draw(random, 0);
    context.common_blocks = common / block_;
    context.own_blocks = context.tokens / block_ - context.common_blocks;
    if (!hits_.empty()) {
      const double hit = hits_[random.below(hits_.size())];
      context.stored_blocks =
          static_cast<std::int64_t>(hit * static_cast<double>(context.tokens)) / block_;
    }
    return context;
  }

private:
  Lengths prefix_;
  Lengths context_;
  std::vector<double> hits_;
  std::int64_t block_;
  std::uint64_t seed_;
};

BlockRun run_of(std::uint64_t first, std::int64_t count) {
  return {BlockId{first}, static_cast<std::int32_t>(count)};
}

/// Numbers the blocks of the contexts, common text first, and lists those that are stored.
std::uint64_t place_contexts(std::vector<Context>& contexts, std::vector<BlockRun>& stored) {
  std::int64_t common = 0;
  std::int64_t common_stored = 0;
  for (const Context& context : contexts) {
    common = std::max(common, context.common_blocks);
    common_stored = std::max(common_stored, std::min(context.stored_blocks, context.common_blocks));
  }
  append_run(stored, run_of(0, common_stored));
  auto next = static_cast<std::uint64_t>(common);
  for (Context& context : contexts) {
    context.first_own = next;
    next += static_cast<std::uint64_t>(context.own_blocks);
    const std::int64_t own_stored = context.stored_blocks - context.common_blocks;
    if (own_stored > 0) append_run(stored, run_of(context.first_own, own_stored));
  }
  return next;
}

RequestSpec make_request(std::size_t id, const Context& context, std::int64_t query,
                         std::int64_t output, std::int64_t block, std::uint64_t& next_block) {
  RequestSpec request;
  request.id = RequestId{id};
  request.session = SessionId{id};
  request.input = Tokens{context.tokens + query};
  request.output = Tokens{output};
  request.prompt_blocks = static_cast<std::int32_t>(request.input.count() / block);
  append_run(request.blocks, run_of(0, context.common_blocks));
  append_run(request.blocks, run_of(context.first_own, context.own_blocks));
  const std::int64_t rest =
      (request.input + request.output).count() / block - context.common_blocks - context.own_blocks;
  append_run(request.blocks, run_of(next_block, rest));
  next_block += static_cast<std::uint64_t>(rest);
  request.blocks.shrink_to_fit();
  return request;
}

void finish_plan(Plan& plan, std::uint64_t id_limit) {
  plan.gap.resize(plan.requests.size());
  plan.first_wait.resize(plan.requests.size() + 1);
  count_pool_hits(plan.requests, plan.stored, id_limit);
}

}  // namespace

Plan plan_synthetic(const SyntheticOptions& options, Tokens engine_block, std::uint64_t seed) {
  const std::vector<double> dates = arrival_dates(
      options.arrival, options.count, options.duration_s, seed_for(seed, arrival_stream));
  const std::int64_t block = engine_block.count();
  const bool drawn = options.contexts > 0;
  std::vector<Context> contexts(drawn ? static_cast<std::size_t>(options.contexts) : dates.size());
  const ContextMaker maker(options, block, seed);
  for (std::size_t i = 0; i < contexts.size(); ++i) contexts[i] = maker.make(i);

  Plan plan;
  std::uint64_t next_block = place_contexts(contexts, plan.stored);
  const Lengths queries(options.query);
  const Lengths outputs(options.output);
  for (std::size_t i = 0; i < dates.size(); ++i) {
    Random query_random(seed_for(seed, query_stream), i);
    Random output_random(seed_for(seed, output_stream), i);
    Random choice(seed_for(seed, choice_stream), i);
    const Context& context = contexts[drawn ? choice.below(contexts.size()) : i];
    plan.requests.push_back(make_request(i, context, queries.draw(query_random, 1),
                                         outputs.draw(output_random, 1), block, next_block));
    plan.earliest.push_back(to_nanoseconds(Seconds{dates[i]}));
  }
  finish_plan(plan, next_block);
  return plan;
}

Plan plan_requests(std::span<const InlineRequest> requests, Tokens engine_block) {
  const std::int64_t block = engine_block.count();
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return requests[i].at_s; });

  std::vector<Context> contexts;
  for (const std::size_t i : order) {
    Context context;
    context.tokens = requests[i].context.count();
    context.own_blocks = context.stored_blocks = context.tokens / block;
    contexts.push_back(context);
  }
  Plan plan;
  std::uint64_t next_block = place_contexts(contexts, plan.stored);
  for (std::size_t k = 0; k < order.size(); ++k) {
    const InlineRequest& entry = requests[order[k]];
    plan.requests.push_back(
        make_request(k, contexts[k], entry.query.count(), entry.output.count(), block, next_block));
    plan.earliest.push_back(to_nanoseconds(Seconds{entry.at_s}));
  }
  finish_plan(plan, next_block);
  return plan;
}

}  // namespace calvo::traces
