#include "traces/convert.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/traces/files.hpp"
#include "tests/traces/play.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {
namespace {

std::unique_ptr<Workload> workload_of(const std::string& file, std::int64_t block) {
  WorkloadOptions options;
  options.trace.file = file;
  return make_workload(options, Tokens{block}, 1);
}

/// Names blocks by their first appearance, so that workloads compare up to the choice of ids.
class Renamer {
public:
  std::vector<std::uint64_t> operator()(const std::vector<BlockRun>& runs) {
    std::vector<std::uint64_t> result;
    for (const BlockRun& run : runs) {
      for (std::int32_t i = 0; i < run.count; ++i) {
        const std::uint64_t id = raw(block_of(run, i));
        result.push_back(names_.try_emplace(id, names_.size()).first->second);
      }
    }
    return result;
  }

private:
  std::map<std::uint64_t, std::size_t> names_;
};

void expect_same(Workload& a, Workload& b) {
  ASSERT_EQ(a.requests().size(), b.requests().size());
  Renamer name_a;
  Renamer name_b;
  for (std::size_t i = 0; i < a.requests().size(); ++i) {
    const RequestSpec& x = a.requests()[i];
    const RequestSpec& y = b.requests()[i];
    ASSERT_EQ(x.id, y.id);
    ASSERT_EQ(x.session, y.session) << "request " << i;
    ASSERT_EQ(x.turn, y.turn) << "request " << i;
    ASSERT_EQ(x.input, y.input);
    ASSERT_EQ(x.output, y.output);
    ASSERT_EQ(x.prompt_blocks, y.prompt_blocks);
    ASSERT_EQ(x.pool_hit_blocks, y.pool_hit_blocks) << "request " << i;
    ASSERT_EQ(name_a(x.blocks), name_b(y.blocks)) << "request " << i;
  }
  const auto service = [](const RequestSpec& request) {
    return Nanoseconds{1'000'000 * (request.output.count() + 5)};
  };
  const auto stays_a = play(a, service);
  const auto stays_b = play(b, service);
  ASSERT_EQ(stays_a.size(), stays_b.size());
  for (std::size_t i = 0; i < stays_a.size(); ++i) {
    ASSERT_EQ(stays_a[i].id, stays_b[i].id);
    ASSERT_EQ(stays_a[i].arrival, stays_b[i].arrival) << "request " << raw(stays_a[i].id);
  }
}

struct Case {
  const char* file;
  std::int64_t block;
};

class RoundTrip : public ::testing::TestWithParam<Case> {};

TEST_P(RoundTrip, ReadsBackToTheSameWorkload) {
  const TestFolder folder;
  convert(shipped(GetParam().file), folder.path("t.jsonl.gz"));
  const auto original = workload_of(shipped(GetParam().file), GetParam().block);
  const auto converted = workload_of(folder.path("t.jsonl.gz"), GetParam().block);
  expect_same(*original, *converted);
}

INSTANTIATE_TEST_SUITE_P(Convert, RoundTrip,
                         ::testing::Values(Case{"agentic_coding_weka_small48.tsv.gz", 64},
                                           Case{"agentic_coding_weka_small48.tsv.gz", 256},
                                           Case{"agentic_coding_weka_small48.tsv.gz", 16},
                                           Case{"mooncake_synthetic_trace.jsonl.gz", 512}),
                         [](const auto& param) {
                           return std::string(param.param.file).substr(0, 8) +
                                  std::to_string(param.param.block);
                         });

TEST(Convert, KeepsDependenciesOfEveryKind) {
  const TestFolder folder;
  const std::string file = folder.write(
      "t.jsonl",
      R"({"request_id": "x", "session_id": "s", "timestamp": 0, "input_length": 20, "output_length": 5, "hash_ids": [7]})"
      "\n"
      R"({"request_id": 12, "timestamp": 0.5, "input_length": 30, "output_length": 5, "hash_ids": [9]})"
      "\n"
      R"({"session_id": "s", "delay": 5.25, "tool_wait_ms": 1, "wait_for": ["x", 12], "input_length": 40, "output_length": 5, "hash_ids": [8]})"
      "\n");
  convert(file, folder.path("u.jsonl"));
  EXPECT_EQ(
      read_text(folder.path("u.jsonl")),
      R"({"request_id": "0", "session_id": "0", "timestamp": 0, "input_length": 20, "output_length": 5, "hash_ids": [7]})"
      "\n"
      R"({"request_id": "1", "timestamp": 0.5, "input_length": 30, "output_length": 5, "hash_ids": [9]})"
      "\n"
      R"({"request_id": "2", "session_id": "0", "wait_for": ["1"], "delay_ms": 6.25, "input_length": 40, "output_length": 5, "hash_ids": [8]})"
      "\n");
  expect_same(*workload_of(file, 16), *workload_of(folder.path("u.jsonl"), 16));
}

TEST(Convert, RefusesATraceWithoutContentsAndWritesNothing) {
  const TestFolder folder;
  const std::string file = folder.write(
      "t.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,1,1\n");
  EXPECT_EQ(folder.error_of([&] { convert(file, folder.path("u.jsonl")); }),
            "t.csv:0:0: does not say which prompts share contents, which Mooncake JSONL must; play "
            "it as it is");
  EXPECT_FALSE(std::filesystem::exists(folder.path("u.jsonl")));
}

TEST(Convert, RefusesToWriteOverTheTraceItself) {
  const TestFolder folder;
  const std::string line =
      "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": [7]}\n";
  const std::string file = folder.write("t.jsonl", line);
  std::filesystem::create_symlink(file, folder.path("same.jsonl"));
  for (const char* out : {"t.jsonl", "same.jsonl", "./t.jsonl"}) {
    EXPECT_EQ(folder.error_of([&] { convert(file, folder.path(out), {}); }),
              std::string(out) + ":0:0: is the trace itself; name another file to write");
  }
  EXPECT_EQ(std::filesystem::file_size(file), line.size());
}

TEST(Convert, SaysWhenItCannotWrite) {
  const TestFolder folder;
  const std::string file = shipped("agentic_coding_weka_small48.tsv.gz");
  EXPECT_EQ(folder.error_of([&] { convert(file, folder.path("none/u.jsonl")); }),
            "none/u.jsonl:0:0: cannot be written (No such file or directory); give a path in a "
            "folder that exists and has room");
  EXPECT_EQ(folder.error_of([&] { convert(file, "/dev/full"); }),
            "/dev/full:0:0: cannot be written (No space left on device); give a path in a folder "
            "that exists and has room");
}

TEST(Convert, LeavesTheFileThatWasThereIfTheNewOneDoesNotFit) {
  const TestFolder folder;
  const std::string file = shipped("agentic_coding_weka_small48.tsv.gz");
  for (const char* name : {"u.jsonl", "u.jsonl.gz"}) {
    const std::string out = folder.write(name, "of before");
    const auto on_limit = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{1000, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const std::string error = folder.error_of([&] { convert(file, out); });
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, on_limit);
    EXPECT_EQ(error, std::string(name) +
                         ":0:0: cannot be written (File too large); give a path in a folder that "
                         "exists and has room");
    std::ifstream stream(out);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), "of before");
    EXPECT_FALSE(std::filesystem::exists(out + ".partial"));
  }
}

}  // namespace
}  // namespace calvo::traces
