#include "models/linear_compute_model.hpp"

#include <algorithm>

#include "core/contract.hpp"

namespace calvo::models {

LinearComputeModel::LinearComputeModel(const Options& options) : options_(options) {
  for (const Seconds time :
       {options.prefill_fixed, options.per_token, options.per_pair, options.decode_fixed,
        options.per_sequence, options.per_context_token}) {
    CALVO_EXPECT(time >= Seconds{0});
  }
  CALVO_EXPECT(options.prefill_fixed + options.per_token > Seconds{0});
  CALVO_EXPECT(options.decode_fixed + options.per_sequence > Seconds{0});
  CALVO_EXPECT(options.layers >= 1);
}

StepTime LinearComputeModel::step(const StepShape& shape) const {
  Seconds fixed{0};
  Seconds rest{0};
  bool prompts = false;
  for (const PrefillPart& part : shape.prefills) {
    if (part.new_tokens.count() == 0) continue;
    prompts = true;
    const auto new_tokens = static_cast<double>(part.new_tokens.count());
    const auto context = static_cast<double>(part.context.count());
    fixed = options_.prefill_fixed;
    rest += new_tokens * (options_.per_token + (context + new_tokens / 2) * options_.per_pair);
  }
  CALVO_EXPECT(prompts || shape.decodes > 0);
  Seconds growth{0};
  if (shape.decodes > 0) {
    const auto batch = static_cast<double>(shape.decodes);
    fixed = std::max(fixed, options_.decode_fixed);
    rest += batch * options_.per_sequence +
            static_cast<double>(shape.decode_context.count()) * options_.per_context_token;
    growth = batch * options_.per_context_token;
  }
  return {fixed + rest, growth, prompts ? 1 : std::int64_t{1} << 40};
}

}  // namespace calvo::models
