// Property: whatever bytes are changed in a valid trace, it is read or refused with an InputError
// that names the file; and what is read can be played.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"
#include "traces/servegen.hpp"
#include "traces/trace.hpp"
#include "traces/workload_options.hpp"

namespace calvo::traces {
namespace {

std::string first_lines(const std::string& text, int lines) {
  std::size_t end = 0;
  for (int i = 0; i < lines && end < text.size(); ++i) end = text.find('\n', end) + 1;
  return text.substr(0, end);
}

std::string mutated(std::string text, std::mt19937& random) {
  constexpr std::string_view likely = "0123456789-+.,:\"{}[]\t\n\\eEnN x";
  const std::size_t changes = 1 + random() % 4;
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random() % text.size();
    switch (random() % 5) {
      case 0:
        text[at] = static_cast<char>(random() % 256);
        break;
      case 1:
        text[at] = likely[random() % likely.size()];
        break;
      case 2:
        text.erase(at, 1 + random() % 20);
        break;
      case 3:
        text.insert(at, 1, likely[random() % likely.size()]);
        break;
      default:
        if (random() % 8 == 0) text.resize(at);
    }
  }
  return text;
}

class TraceFuzz : public ::testing::TestWithParam<unsigned> {};

TEST_P(TraceFuzz, ReadsOrRefusesButNeverBreaks) {
  static const std::string originals[] = {
      first_lines(read_text(shipped("mooncake_conversation_trace.jsonl.gz")), 6),
      R"({"request_id": "a", "session_id": 3, "timestamp": 0, "input_length": 20, "output_length": 5, "hash_ids": [7]})"
      "\n"
      R"({"session_id": 3, "delay": 5.5, "wait_for": ["a"], "tool_wait_ms": 1, "extra": {"k": [1, null, "\"x"]}, "input_length": 20, "output_length": 5, "hash_ids": [7]})"
      "\n",
      first_lines(read_text(shipped("agentic_coding_weka_small48.tsv.gz")), 8),
      first_lines(read_text(shipped("AzureLLMInferenceTrace_code.csv.gz")), 8),
      first_lines(read_text(shipped("servegen_deepseek-r1_arrivals.csv.gz")), 8),
  };
  std::mt19937 random(GetParam());
  const TestFolder folder;
  int refused = 0;
  for (const std::string& original : originals) {
    for (int round = 0; round < 40; ++round) {
      const std::string text = mutated(original, random);
      const std::string file = folder.write("t", text);
      try {
        if (text.starts_with("client,start_s,")) {
          read_servegen(file);
          continue;
        }
        WorkloadOptions options;
        options.trace.file = file;
        const auto workload = make_workload(options, Tokens{48}, 1);
        ASSERT_FALSE(workload->requests().empty());
      } catch (const InputError& error) {
        ++refused;
        ASSERT_TRUE(std::string(error.what()).starts_with(file + ":")) << error.what();
      }
    }
  }
  EXPECT_GT(refused, 20);
}

INSTANTIATE_TEST_SUITE_P(Seed, TraceFuzz, ::testing::Range(0U, 20U));

TEST(TraceFuzz, RefusesAGzipWithAnyByteChangedOrReadsIt) {
  std::mt19937 random(1);
  const TestFolder folder;
  const std::string file = folder.write_gzip(
      "t.gz", first_lines(read_text(shipped("mooncake_conversation_trace.jsonl.gz")), 20));
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  for (int round = 0; round < 300; ++round) {
    std::string changed = bytes;
    changed[random() % changed.size()] ^= static_cast<char>(1U << random() % 8);
    folder.write("t.gz", changed);
    const std::string error = folder.error_of([&] { read_trace(file); });
    EXPECT_TRUE(error == "no error" || error.starts_with("t.gz:")) << error;
  }
}

}  // namespace
}  // namespace calvo::traces
