#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "tests/realrun/devices/small_device.hpp"
#include "tests/realrun/lock_limit.hpp"

namespace calvo::realrun {
namespace {

using std::chrono::steady_clock;
using testing::make_host;
using testing::random_tokens;
using testing::small_options;

std::string refusal_of(const DeviceOptions& options) {
  try {
    make_host(options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

double seconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

TEST(Devices, AreListedWithWhatTheyLack) {
  const std::vector<DeviceInfo> all = devices();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "host");
  EXPECT_EQ(all[0].missing, std::nullopt);
  EXPECT_EQ(all[1].name, "cuda");
#ifdef CALVO_CUDA
  if (!all[1].missing) {
    EXPECT_NE(all[1].make, nullptr);
  } else {  // no driver, an old one, no GPU, an old one
    EXPECT_THAT(*all[1].missing, ::testing::HasSubstr("NVIDIA"));
  }
#else
  EXPECT_EQ(all[1].missing, "built without CUDA (CMake's CALVO_CUDA is OFF)");
#endif
}

TEST(Devices, ThatAreUnknownOrMissingAreRefused) {
  const auto refusal = [](std::string_view name) -> std::string {
    try {
      device(name);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal("hots"), "device:0:0: unknown device \"hots\" (did you mean \"host\"?)");
  EXPECT_EQ(refusal("host"), "accepted");
  const std::optional<std::string> lacks = devices().at(1).missing;
  EXPECT_EQ(refusal("cuda"),
            lacks ? "device:0:0: \"cuda\" cannot be used here: " + *lacks : "accepted");
}

TEST(HostDevice, RefusesShapesThatItCannotCompute) {
  DeviceOptions options = small_options(16, 4);
  const std::string rest =
      "; choose a dense model with grouped-query attention, for example laptop-4L";
  options.shape.mla_kv_lora = 512;
  EXPECT_EQ(refusal_of(options),
            "device host:0:0: model: \"small\" has multi-head latent attention" + rest);
  options = small_options(16, 4);
  options.shape.experts = 8;
  EXPECT_EQ(refusal_of(options),
            "device host:0:0: model: \"small\" is a mixture of experts" + rest);
  options = small_options(16, 4);
  options.shape.window = 128;
  options.shape.window_layers = 1;
  EXPECT_EQ(refusal_of(options), "device host:0:0: model: \"small\" has sliding windows" + rest);
  options = small_options(16, 4);
  options.shape.bytes_per_value = 1;
  EXPECT_EQ(refusal_of(options),
            "device host:0:0: model: \"small\" does not keep KV in bf16" + rest);
  options = small_options(16, 4);
  options.shape.dense_layers = 2;
  EXPECT_EQ(refusal_of(options),
            "device host:0:0: model: \"small\" has layers without a dense FFN" + rest);
}

TEST(HostDevice, RefusesWhatIsForGpus) {
  const std::string refusal =
      "device host:0:0: copies and computes in one way; take --copy-table, --copy-path and "
      "--no-graphs out, they are for device cuda";
  DeviceOptions options = small_options(16, 4);
  options.copy_path = CopyPath::staged;
  EXPECT_EQ(refusal_of(options), refusal);
  options = small_options(16, 4);
  options.copy_tables.out = CopyTable({{CopyPath::direct, 4096, 1, Seconds{1e-6}}});
  EXPECT_EQ(refusal_of(options), refusal);
  options = small_options(16, 4);
  options.graphs = false;
  EXPECT_EQ(refusal_of(options), refusal);
  EXPECT_EQ(refusal_of(small_options(16, 4)), "accepted");
}

TEST(HostDevice, RefusesWhatTheMachineDoesNotHave) {
  DeviceOptions options = small_options(16, 4);
  options.pages = std::int64_t{1} << 40;
  EXPECT_THAT(
      refusal_of(options),
      ::testing::MatchesRegex("device host:0:0: memory: 0\\.0 GiB of weights, [0-9.]+ GiB "
                              "of pages and 0\\.0 GiB of host tier do not fit into this "
                              "machine's [0-9.]+ GiB; take a smaller model or less memory"));
  options = small_options(16, 4);
  options.compute_core = 100'000;
  EXPECT_THAT(refusal_of(options),
              ::testing::MatchesRegex("device:0:0: compute core: this process may not run on core "
                                      "100000 \\(one of: .*[0-9]+\\)"));
}

TEST(HostDevice, GivesTheHostMemoryAskedForAndSaysWhetherItIsLocked) {
  DeviceOptions options = small_options(16, 4);
  options.host_bytes = 3 << 20;
  const auto device = make_host(options);
  const std::span<std::byte> memory = device->host_memory();
  ASSERT_EQ(memory.size(), std::size_t{3} << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 4096, 0U);
  for (const std::byte byte : memory) ASSERT_EQ(byte, std::byte{0});
  memory.back() = std::byte{1};
  device->host_memory_locked();  // either is right: it depends on ulimit -l
  options.host_bytes = 0;
  EXPECT_TRUE(make_host(options)->host_memory().empty());
  EXPECT_FALSE(make_host(options)->host_memory_locked());
}

TEST(HostDevice, DoesWithoutLockedMemoryWhereThereIsNone) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer lets no mlock() through";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process of its own
  const auto work = [] {
    lock_at_most(0);
    DeviceOptions options = small_options(16, 4);
    options.host_bytes = 3 << 20;
    const auto device = make_host(options);
    device->host_memory().back() = std::byte{1};
    std::_Exit(device->host_memory_locked() ? 1 : 0);
  };
  EXPECT_EXIT(work(), ::testing::ExitedWithCode(0), "");
}

TEST(HostDevice, GivesLogitsOnlyToWhoWantsThem) {
  const auto device = make_host(small_options(16, 4));
  const std::vector<std::int32_t> tokens = random_tokens(1, 20, 131);
  const std::vector<std::int32_t> pages = {0, 1};
  const SequenceStep sequence{tokens, 0, pages, false};
  std::vector<SequenceResult> results;
  device->step({{&sequence, 1}, {}}, results);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_TRUE(results[0].logits.empty());
  const SequenceResult wanted = testing::compute(*device, tokens, 0, pages);
  EXPECT_EQ(results[0].next_token, wanted.next_token);
  EXPECT_EQ(wanted.next_token, std::ranges::max_element(wanted.logits) - wanted.logits.begin());
}

TEST(HostDevice, RefusesBrokenPageTablesAndTokens) {
  const auto device = make_host(small_options(16, 4));
  const std::vector<std::int32_t> tokens = random_tokens(1, 20, 131);
  const auto compute = [&](std::vector<std::int32_t> pages) {
    testing::compute(*device, tokens, 0, pages);
  };
  EXPECT_THROW(compute({0}), ContractViolation);
  EXPECT_THROW(compute({0, 4}), ContractViolation);
  EXPECT_THROW(compute({0, -1}), ContractViolation);
  EXPECT_NO_THROW(compute({0, 3}));
  const std::vector<std::int32_t> unknown = {131};
  const std::vector<std::int32_t> pages = {0};
  EXPECT_THROW(testing::compute(*device, unknown, 0, pages), ContractViolation);
}

TEST(StepPace, IsThatOfTheLinearComputeModel) {
  DeviceOptions options = small_options(16, 4);
  options.pace_step = Seconds{0.003};
  options.pace_token = Seconds{0.001};
  options.pace_context = Seconds{0.01};
  const std::vector<std::int32_t> four(4, 0);
  const std::vector<std::int32_t> one(1, 0);
  const std::vector<SequenceStep> steps = {{four, 1000, {}, false}, {one, 499, {}, false}};
  EXPECT_NEAR(step_pace(options, steps).count(),
              0.003 + 4 * (0.001 + 1.002 * 0.01) + 1 * (0.001 + 0.4995 * 0.01), 1e-12);
  EXPECT_EQ(step_pace(small_options(16, 4), steps), Seconds{0});
}

TEST(HostDevice, APacedStepTakesAtLeastItsPaceAndComputesTheSame) {
  DeviceOptions options = small_options(16, 4);
  const std::vector<std::int32_t> tokens = random_tokens(1, 20, 131);
  const std::vector<std::int32_t> pages = {0, 1};
  const SequenceResult free = testing::compute(*make_host(options), tokens, 0, pages);
  options.pace_step = Seconds{0.05};
  const auto device = make_host(options);
  const auto start = steady_clock::now();
  EXPECT_EQ(testing::compute(*device, tokens, 0, pages).logits, free.logits);
  EXPECT_GE(seconds_since(start), 0.05 - 1e-6);
}

TEST(HostDevice, APacedLayerTakesItsShareFromWhenItsKvIsThere) {
  DeviceOptions options = small_options(16, 4);
  options.arithmetic = false;
  options.pace_step = Seconds{0.03};  // 10 ms a layer
  const auto device = make_host(options);
  const std::vector<std::int32_t> tokens = {1};
  const std::vector<std::int32_t> pages = {0};
  const SequenceStep sequence{tokens, 0, pages, true};
  steady_clock::time_point last_landed;
  const auto late = [&](std::int32_t layer) {
    if (layer != 2) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{40});
    last_landed = steady_clock::now();
  };
  std::vector<SequenceResult> results;
  device->step({{&sequence, 1}, late}, results);
  EXPECT_GE(seconds_since(last_landed), 0.01 - 1e-6);
}

TEST(HostDevice, WithoutArithmeticLogitsAreZeroAndPagesStayAsTheyAre) {
  DeviceOptions options = small_options(16, 4);
  options.arithmetic = false;
  const auto device = make_host(options);
  const std::vector<std::int32_t> tokens = random_tokens(1, 20, 131);
  const std::vector<std::int32_t> pages = {0, 1};
  const SequenceResult result = testing::compute(*device, tokens, 0, pages);
  EXPECT_EQ(result.logits, std::vector<float>(131, 0.0F));
  EXPECT_EQ(result.next_token, 0);
  EXPECT_EQ(device->read_page(0),
            std::vector<std::byte>(static_cast<std::size_t>(page_bytes(options))));
}

TEST(HostDevice, ComputesAndCopiesOnTheCoresItIsTold) {
  DeviceOptions options = small_options(16, 4);
  cpu_set_t usable;
  ASSERT_EQ(sched_getaffinity(0, sizeof usable, &usable), 0);
  int core = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(core), &usable)) ++core;
  options.compute_core = options.copy_core = core;
  const auto device = make_host(options);
  std::jthread([&] {  // a thread of its own: it stays pinned
    const std::vector<std::int32_t> tokens = {1};
    const std::vector<std::int32_t> pages = {0};
    testing::compute(*device, tokens, 0, pages);
    cpu_set_t mine;
    ASSERT_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
    EXPECT_EQ(CPU_COUNT(&mine), 1);
    EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(core), &mine));
  })
      .join();
  const std::vector<std::int32_t> pages = {0};
  EXPECT_TRUE(
      testing::copy_blocks(*device, CopyDirection::out, pages, device->host_memory().data()));
}

TEST(HostCopies, APacedJobTakesAtLeastItsBytesOverTheRate) {
  DeviceOptions options = small_options(16, 12);
  options.copy_pace = BytesPerSecond{static_cast<double>(page_bytes(options)) / 0.01};
  const auto device = make_host(options);
  CopyEngine& copies = device->copies();
  const auto start = steady_clock::now();
  for (std::uint64_t cookie = 1; cookie <= 5; ++cookie) {  // 2 blocks each: 20 ms
    CopyJob job;
    job.blocks.assign(2, {1, device->host_memory().data()});
    job.cookie = cookie;
    copies.post(std::move(job));
  }
  std::vector<std::uint64_t> done;
  for (std::size_t jobs = 1; jobs <= 5; ++jobs) {
    ASSERT_TRUE(testing::await_copies(copies, jobs, done));
    const double taken = std::chrono::duration<double>(steady_clock::now() - start).count();
    EXPECT_GE(taken, 0.02 * static_cast<double>(done.size()) - 1e-6);
  }
}

TEST(HostCopies, ASlowOneMayBeThrownAway) {
  DeviceOptions options = small_options(16, 12);
  options.copy_pace = BytesPerSecond{1};  // centuries
  const auto start = steady_clock::now();
  {
    const auto device = make_host(options);
    std::byte* host = device->host_memory().data();
    PageCopy block{1, host};
    for (const CopyDirection direction : {CopyDirection::in, CopyDirection::out}) {
      CopyJob job;
      job.direction = direction;
      job.blocks.assign(3, block);
      device->copies().post(std::move(job));
      block = {2, host + page_bytes(options)};  // the two directions use memory of their own
    }
    std::vector<std::uint64_t> done;
    device->copies().poll(done);
    EXPECT_TRUE(done.empty());
  }
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds{60});
}

TEST(HostCopies, AreOverAtOnceWhenThePaceEnds) {
  DeviceOptions options = small_options(16, 12);
  options.copy_pace = BytesPerSecond{1};  // centuries
  const auto device = make_host(options);
  std::byte* host = device->host_memory().data();
  const auto post = [&](std::uint64_t cookie, std::byte value) {
    std::fill_n(host, page_bytes(options), value);
    CopyJob job;
    job.direction = CopyDirection::in;
    job.blocks = {{static_cast<std::int32_t>(cookie), host}};
    job.cookie = cookie;
    device->copies().post(std::move(job));
  };
  std::vector<std::uint64_t> done;
  post(1, std::byte{1});
  device->copies().poll(done);
  EXPECT_TRUE(done.empty());
  device->end_pace();
  ASSERT_TRUE(testing::await_copies(device->copies(), 1, done));
  post(2, std::byte{2});  // nor do later ones wait
  ASSERT_TRUE(testing::await_copies(device->copies(), 2, done));
  EXPECT_EQ(done, (std::vector<std::uint64_t>{1, 2}));
  for (const std::uint64_t cookie : done) {  // whole
    EXPECT_EQ(device->read_page(static_cast<std::int32_t>(cookie)),
              std::vector<std::byte>(static_cast<std::size_t>(page_bytes(options)),
                                     static_cast<std::byte>(cookie)));
  }
}

TEST(HostDevice, AStepIsOverWhenThePaceEnds) {
  DeviceOptions options = small_options(16, 4);
  options.pace_step = Seconds{1e30};  // more than a clock can count
  const auto device = make_host(options);
  const std::vector<std::int32_t> tokens = {1};
  const std::vector<std::int32_t> pages = {0};
  const SequenceStep sequence{tokens, 0, pages, true};
  std::atomic<bool> begun = false;
  std::vector<SequenceResult> results;
  std::jthread stepping([&] {
    device->step({{&sequence, 1}, [&](std::int32_t) { begun = true; }}, results);
  });
  while (!begun) std::this_thread::yield();
  device->end_pace();
  stepping.join();
  options.pace_step = Seconds{0};
  EXPECT_EQ(results.at(0).logits, testing::compute(*make_host(options), tokens, 0, pages).logits);
}

// The oracle can fail: each bit of each loaded page that lies before the prompt's end shows.
TEST(HostDevice, ASingleFlippedBitOfALoadedPageChangesTheLogits) {
  const std::int32_t block_tokens = 16;
  const std::vector<std::int32_t> tokens = random_tokens(6, 50, 131);
  const std::span<const std::int32_t> all = tokens;
  const DeviceOptions options = small_options(block_tokens, 8);
  const auto device = make_host(options);
  const std::vector<std::int32_t> pages = {0, 1, 2, 3};
  const std::vector<std::int32_t> loaded = {6, 4, 7, 5};
  const SequenceResult whole = testing::compute(*device, all, 0, pages);
  std::byte* host = device->host_memory().data();
  ASSERT_TRUE(testing::copy_blocks(*device, CopyDirection::out, std::span(pages).first(3), host));
  const auto logits_after_loading = [&] {
    EXPECT_TRUE(testing::copy_blocks(*device, CopyDirection::in, std::span(loaded).first(3), host));
    return testing::compute(*device, all.subspan(48), 48, loaded).logits;
  };
  ASSERT_EQ(logits_after_loading(), whole.logits);

  Random random(1);
  const auto bits = static_cast<std::uint64_t>(3 * page_bytes(options) * 8);
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t bit = random.below(bits);
    std::byte& damaged = host[bit / 8];
    damaged ^= std::byte{1} << (bit % 8);
    EXPECT_NE(logits_after_loading(), whole.logits) << "bit " << bit;
    damaged ^= std::byte{1} << (bit % 8);
  }
  EXPECT_EQ(logits_after_loading(), whole.logits);
}

}  // namespace
}  // namespace calvo::realrun
