#include "realrun/devices/cuda/memory_plan.hpp"

#include <gtest/gtest.h>

#include "core/contract.hpp"

namespace calvo::realrun {
namespace {

models::ModelShape llama_8b() {
  models::ModelShape shape;
  shape.name = "Llama-3.1-8B";
  shape.layers = shape.dense_layers = 32;
  shape.hidden = 4096;
  shape.q_heads = 32;
  shape.kv_heads = 8;
  shape.head_dim = 128;
  shape.dense_ffn = 14336;
  shape.vocab = 128256;
  shape.max_context = 131072;
  return shape;
}

DeviceOptions options_of(const models::ModelShape& shape, std::int64_t pages) {
  DeviceOptions options;
  options.shape = shape;
  options.block_tokens = 16;
  options.pages = pages;
  return options;
}

TEST(Arena, AlignsWhatIsAdded) {
  Arena arena;
  EXPECT_EQ(arena.add(1), 0);
  EXPECT_EQ(arena.add(256), 256);
  EXPECT_EQ(arena.add(0), 512);
  EXPECT_EQ(arena.add(257), 512);
  EXPECT_EQ(arena.bytes(), 1024);
  EXPECT_THROW(arena.add(-1), ContractViolation);
}

TEST(StepLimits, AreThoseOfTheDeviceAndOfItsPages) {
  EXPECT_EQ(step_limits(options_of(llama_8b(), 100'000)), (StepLimits{8192, 256, 1 << 18}));
  EXPECT_EQ(step_limits(options_of(llama_8b(), 1'000'000)), (StepLimits{8192, 256, 1'000'000}));
  EXPECT_EQ(step_limits(options_of(llama_8b(), 10)), (StepLimits{160, 10, 1 << 18}));
}

TEST(StepArena, ArraysDoNotOverlap) {
  const models::ModelShape shape = llama_8b();
  const StepLimits limits{100, 7, 50};
  const StepArena arena = step_arena(shape, limits);
  struct Array {
    std::int64_t begin, bytes;
  };
  const Array arrays[] = {{arena.residual, 100 * 4096 * 2}, {arena.norm, 100 * 4096 * 2},
                          {arena.delta, 100 * 4096 * 2},    {arena.qkv, 100 * 6144 * 2},
                          {arena.mixed, 100 * 4096 * 2},    {arena.gate_up, 100 * 28672 * 2},
                          {arena.inner, 100 * 14336 * 2},   {arena.rope, 100 * 128 * 4},
                          {arena.logits, 7 * 128256 * 4}};
  std::int64_t end = 0;
  for (const Array& array : arrays) {
    EXPECT_GE(array.begin, end);
    EXPECT_EQ(array.begin % 256, 0);
    end = array.begin + array.bytes;
  }
  EXPECT_GE(arena.bytes, end);
}

TEST(DeviceNeed, CountsEachWeightOnce) {
  // 8.03 billion parameters, as the model's authors count them.
  EXPECT_NEAR(static_cast<double>(gpu_weight_bytes(llama_8b())), 2 * 8.03e9, 2 * 0.01e9);
  const DeviceNeed need = device_need(options_of(llama_8b(), 1000));
  EXPECT_EQ(need.pages, std::int64_t{1001} * 16 * 131072);
  EXPECT_EQ(need.weights, gpu_weight_bytes(llama_8b()));
  EXPECT_EQ(need.working, step_arena(llama_8b(), {8192, 256, 1 << 18}).bytes);
  models::ModelShape odd = llama_8b();
  odd.vocab = 131;
  EXPECT_EQ(logits_stride(odd), 136);
}

TEST(DeviceNeed, ThatDoesNotFitIsRefusedInNumbers) {
  const DeviceNeed need{std::int64_t{16} << 30, std::int64_t{100} << 30, std::int64_t{3} << 29};
  EXPECT_EQ(memory_problem(need, need.bytes(), "NVIDIA H200"), "");
  EXPECT_EQ(memory_problem(need, need.bytes() - 1, "NVIDIA H200"),
            "16.0 GiB of weights, 100.0 GiB of pages and 1.5 GiB of work space do not fit into the "
            "117.5 GiB that are free on NVIDIA H200; take a smaller model (or fewer layers of it: "
            "model: {base: NAME, layers: N}), less memory.gpu, or end what else runs there");
}

TEST(ShapeProblem, SaysWhatAGpuDoesNotCompute) {
  const std::string rest =
      "; choose a dense model with grouped-query attention and heads of 64 or 128, for example "
      "Llama-3.1-8B";
  const auto problem = [](auto change) {
    models::ModelShape shape = llama_8b();
    shape.name = "m";
    change(shape);
    return shape_problem(shape);
  };
  using Shape = models::ModelShape;
  EXPECT_EQ(problem([](Shape&) {}), "");
  EXPECT_EQ(problem([](Shape& s) { s.mla_kv_lora = 512; }),
            "\"m\" has multi-head latent attention" + rest);
  EXPECT_EQ(problem([](Shape& s) { s.experts = 8; }), "\"m\" is a mixture of experts" + rest);
  EXPECT_EQ(problem([](Shape& s) { s.window_layers = 1; }), "\"m\" has sliding windows" + rest);
  EXPECT_EQ(problem([](Shape& s) { s.bytes_per_value = 1; }),
            "\"m\" does not keep KV in bf16" + rest);
  EXPECT_EQ(problem([](Shape& s) { s.dense_layers = 3; }),
            "\"m\" has layers without a dense FFN" + rest);
  EXPECT_EQ(problem([](Shape& s) { s.kv_heads = 5; }),
            "\"m\" has query heads that are no multiple of its KV heads" + rest);
  EXPECT_EQ(problem([](Shape& s) { s.head_dim = 32; }), "\"m\" has heads of 32" + rest);
  EXPECT_EQ(problem([](Shape& s) { s.hidden = 4100; }),
            "\"m\" has a width that is no multiple of 8" + rest);
}

TEST(OptionProblem, NamesTheFlagsOfTheHostDevice) {
  DeviceOptions options;
  EXPECT_EQ(option_problem(options), "");
  options.pace_token = Seconds{1e-3};
  EXPECT_EQ(option_problem(options),
            "a GPU copies and computes as fast as it does; take --copy-pace, --pace-step, "
            "--pace-token, --pace-context and --no-arithmetic out, they are for device host");
  options = {};
  options.arithmetic = false;
  EXPECT_NE(option_problem(options), "");
  options = {};
  options.copy_pace = BytesPerSecond{1e9};
  EXPECT_NE(option_problem(options), "");
}

}  // namespace
}  // namespace calvo::realrun
