#include "traces/workload_options.hpp"

namespace calvo::traces {
namespace {

struct Shape {
  std::int64_t requests;
  double mean_context;
  double query;
  double output;  ///< ours: short answers, labels, a completed statement
};

/// Source: arXiv 2603.21257, table 1, but for `output`.
Shape shape_of(CalvoDataset dataset) {
  switch (dataset) {
    case CalvoDataset::loogle:
      return {120, 28'100, 28, 32};
    case CalvoDataset::icl:
      return {120, 28'300, 61, 16};
    case CalvoDataset::code:
      break;
  }
  return {100, 38'300, 209, 64};
}

constexpr double context_cv = 0.35;  ///< ours: the paper gives means only

}  // namespace

SyntheticOptions calvo_workload(CalvoDataset dataset) {
  const Shape shape = shape_of(dataset);
  SyntheticOptions options;
  options.count = shape.requests;
  options.context.kind = LengthKind::lognormal;
  options.context.mean = shape.mean_context;
  options.context.cv = context_cv;
  options.query.mean = shape.query;
  options.output.mean = shape.output;
  options.hit_fractions = {1.0};
  return options;
}

}  // namespace calvo::traces
