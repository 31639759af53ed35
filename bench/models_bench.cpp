#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "models/catalogue.hpp"
#include "models/kernel_tables.hpp"
#include "models/linear_cost.hpp"
#include "models/rich_cost.hpp"
#include "models/table_compute_model.hpp"

namespace {

using namespace calvo;
using namespace calvo::models;

const std::string source = CALVO_SOURCE_DIR;

const Catalogue& catalogue() {
  static const Catalogue all = Catalogue::load(source + "/scenarios/catalogue");
  return all;
}

std::shared_ptr<const TableComputeModel> model_of(const char* name, std::int32_t split) {
  return make_compute_model(*catalogue().find_model(name), *catalogue().find_gpu("H100"), split,
                            source + "/data/hardware");
}

/// One decode step of 32 sequences. Target: below 300 ns, a hundredth of a simulated request's
/// cost.
void BM_DecodeStep(benchmark::State& state) {
  const auto model = model_of("Llama-3.1-8B", 1);
  std::int64_t context = 32 * 1000;
  for (auto _ : state) {
    context = context < 32 * 60000 ? context + 32 : 32 * 1000;
    benchmark::DoNotOptimize(model->step({{}, 32, Tokens{context}}));
  }
}
BENCHMARK(BM_DecodeStep);

/// Four prompt parts over cached prefixes beside 28 decodes. Target: below 300 ns.
void BM_MixedStep(benchmark::State& state) {
  const auto model = model_of("Llama-3.1-8B", 1);
  std::array<PrefillPart, 4> parts{{{Tokens{300}, Tokens{20000}},
                                    {Tokens{1500}, Tokens{0}},
                                    {Tokens{28}, Tokens{64000}},
                                    {Tokens{512}, Tokens{4096}}}};
  for (auto _ : state) {
    parts[0].context = Tokens{20000 + (parts[0].context.count() + 7) % 9000};
    benchmark::DoNotOptimize(model->step({parts, 28, Tokens{28 * 3000}}));
  }
}
BENCHMARK(BM_MixedStep);

/// The rich estimate of one request: load and compute. Target: below 500 ns.
void BM_RichEstimate(benchmark::State& state) {
  LoadPath path;
  path.network = catalogue().find_nic("rdma_400g")->link;
  path.pcie = catalogue().find_gpu("H100")->pcie;
  path.block_bytes = Bytes{256 * 131072};
  const RichCost cost(path, model_of("Llama-3.1-8B", 1), LoadOverlap::pipelined);
  std::int64_t tokens = 0;
  for (auto _ : state) {
    tokens = (tokens + 997) % 100000;
    const Work work{Tokens{tokens}, Tokens{512}, Tokens{0}, Tokens{200}};
    benchmark::DoNotOptimize(cost.load(work));
    benchmark::DoNotOptimize(cost.compute(work));
  }
}
BENCHMARK(BM_RichEstimate);

/// All tables of a GPU. Target: below 20 ms.
void BM_LoadKernelTables(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(KernelTables::load(source + "/data/hardware", "h100"));
  }
}
BENCHMARK(BM_LoadKernelTables)->Unit(benchmark::kMillisecond);

/// Both catalogues from YAML. Target: below 20 ms.
void BM_LoadCatalogue(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(Catalogue::load(source + "/scenarios/catalogue"));
  }
}
BENCHMARK(BM_LoadCatalogue)->Unit(benchmark::kMillisecond);

/// A model from its tables: curves of all layers together. Target: below 10 ms.
void BM_BuildModel(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(model_of("DeepSeek-V3", 8));
}
BENCHMARK(BM_BuildModel)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
