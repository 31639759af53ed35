#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/compute_model.hpp"
#include "models/step_parts.hpp"

namespace calvo::models {

/// Iterations from measured kernels: the sum over all layers of GEMMs, attention, experts and
/// all-reduce, times one calibrated overhead that stands for everything else (norms, rotary
/// embedding, sampling, launches).
///
/// A prompt part over a cached prefix takes what the measured prompt with as many query-key pairs
/// takes (`AttentionPart`), that is, its operations at the rate measured for them, and never less
/// than one decode query over the same cache. Several parts of a step get the efficiency of the
/// measured batch of equal prompts. Decode attention is linear in the mean cached tokens between
/// measured lengths, so `StepTime::valid` reaches to the next of them.
/// Cost of step(): some 100 ns, no allocation.
class TableComputeModel final : public ComputeModel {
public:
  /// Requires: overhead > 0; layers >= 1.
  TableComputeModel(StepParts parts, double overhead, std::int32_t layers);

  StepTime step(const StepShape& shape) const override;
  std::int32_t layers() const override { return layers_; }

  /// Which parts come from tables and which from the roofline.
  const std::vector<PartSource>& sources() const { return parts_.sources; }

private:
  StepParts parts_;
  std::int32_t layers_;
};

/// Why a model cannot be split over so many GPUs, or nothing. Text for an InputError.
std::optional<std::string> split_problem(const ModelShape& shape, std::int32_t tensor_parallel);

/// The rich model of `shape` on `gpu`, with its kernel tables from `table_directory` if it names
/// some and its calibrated overhead. Throws InputError where a table is damaged.
/// Requires: split_problem() has none.
std::shared_ptr<const TableComputeModel> make_compute_model(const ModelShape& shape,
                                                            const GpuSpec& gpu,
                                                            std::int32_t tensor_parallel,
                                                            const std::string& table_directory);

}  // namespace calvo::models
