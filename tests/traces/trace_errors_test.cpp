// Every message that a wrong trace can raise, word for word.
#include <string>

#include <gtest/gtest.h>

#include "tests/traces/files.hpp"
#include "traces/trace.hpp"

namespace calvo::traces {
namespace {

const std::string good_line =
    R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]})"
    "\n";
const std::string tsv_header =
    "session\tstream\tspawn_after\treq\tt_ms\tthink_ms\tapi_ms\tttft_ms\tin_tok\tout_"
    "tok\tkind\tstop\t"
    "model\truns\n";

struct Case {
  const char* name;
  std::string text;
  std::string message;
};

class MooncakeError : public ::testing::TestWithParam<Case> {};

TEST_P(MooncakeError, SaysWhereWhatAndHow) {
  const TestFolder folder;
  const std::string file = folder.write("t.jsonl", GetParam().text);
  EXPECT_EQ(folder.error_of([&] { read_trace(file); }), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Trace, MooncakeError,
    ::testing::Values(
        Case{"Empty", "", "t.jsonl:0:0: holds no request; give a trace with some"},
        Case{"TruncatedLine", good_line + R"({"timestamp": 5, "input_le)",
             "t.jsonl:2:27: the line ends too early; copy or download the file again"},
        Case{
            "TruncatedNumber", good_line + R"({"timestamp": 5, "input_length": 60)",
            "t.jsonl:2:36: input_length: the line ends too early; copy or download the file again"},
        Case{"NotANumber",
             R"({"timestamp": NaN, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]})",
             "t.jsonl:1:15: timestamp: not a number \"NaN\"; write one such as 250 or 0.5"},
        Case{"InfiniteNumber",
             R"({"timestamp": 1e999, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]})",
             "t.jsonl:1:15: timestamp: not a number \"1e999\"; write one such as 250 or 0.5"},
        Case{"NegativeDate",
             R"({"timestamp": -1, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]})",
             "t.jsonl:1:15: timestamp: must be between 0 and 1e12 milliseconds, is \"-1\"; correct "
             "or "
             "drop the request"},
        Case{"ZeroInput",
             R"({"timestamp": 0, "input_length": 0, "output_length": 5, "hash_ids": []})",
             "t.jsonl:1:34: input_length: must be between 1 and 1000000000 tokens, is \"0\"; "
             "correct "
             "or drop the request"},
        Case{"NegativeOutput",
             R"({"timestamp": 0, "input_length": 600, "output_length": -5, "hash_ids": [0, 1]})",
             "t.jsonl:1:56: output_length: must be between 1 and 1000000000 tokens, is \"-5\"; "
             "correct "
             "or drop the request"},
        Case{"FractionOfAToken",
             R"({"timestamp": 0, "input_length": 600.5, "output_length": 5, "hash_ids": [0, 1]})",
             "t.jsonl:1:34: input_length: not a whole number \"600.5\"; write one such as 512"},
        Case{"WrongBlockCount",
             R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1, 2]})",
             "t.jsonl:1:71: hash_ids: holds 3 ids, but \"600\" tokens are 2 blocks of 512; correct "
             "the "
             "line, or say which block size the trace has"},
        Case{"NegativeBlock",
             R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, -1]})",
             "t.jsonl:1:75: hash_ids: a block id must be at least 0, is \"-1\""},
        Case{"MissingField", R"({"timestamp": 0, "input_length": 600, "hash_ids": [0, 1]})",
             "t.jsonl:1:1: output_length: missing; every request of a Mooncake trace has it"},
        Case{"DoubleField", R"({"timestamp": 0, "timestamp": 1})",
             "t.jsonl:1:31: timestamp: given twice; keep one"},
        Case{"Unsorted",
             R"({"timestamp": 9, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]})"
             "\n" +
                 good_line,
             "t.jsonl:2:15: timestamp: goes back in time to \"0\" after 9; sort the trace by "
             "timestamp"},
        Case{
            "DuplicateRequest",
            R"({"request_id": "a", "timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]})"
            "\n"
            R"({"request_id": "a", "timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]})",
            "t.jsonl:2:16: request_id: duplicate \"a\"; give every request an id of its own"},
        Case{
            "UnknownWait",
            R"({"wait_for": ["b"], "timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]})",
            "t.jsonl:1:15: wait_for: unknown request \"b\"; name one of an earlier line"},
        Case{"NoDate", R"({"input_length": 1, "output_length": 5, "hash_ids": [0]})",
             "t.jsonl:1:1: timestamp: missing; a request outside a session needs its date"},
        Case{
            "NoGap",
            R"({"session_id": 1, "timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]})"
            "\n"
            R"({"session_id": 1, "input_length": 1, "output_length": 5, "hash_ids": [0]})",
            "t.jsonl:2:1: timestamp: missing; give a timestamp, a delay_ms or a tool_wait_ms"},
        Case{
            "SomeSessionsDated",
            R"({"session_id": 1, "timestamp": 0, "input_length": 1, "output_length": 5, "hash_ids": [0]})"
            "\n"
            R"({"session_id": 2, "input_length": 1, "output_length": 5, "hash_ids": [0]})",
            "t.jsonl:2:1: timestamp: some sessions have a date and some have none; date all of "
            "them "
            "or none"},
        Case{"TwoObjects", good_line.substr(0, good_line.size() - 1) + " {}\n",
             "t.jsonl:1:79: expected the end of the line, found \"{\"; write one request a line"},
        Case{"EmptyLine", good_line + "\n" + good_line, "t.jsonl:2:1: empty line; remove it"}),
    [](const auto& param) { return std::string(param.param.name); });

class TableError : public ::testing::TestWithParam<Case> {};

TEST_P(TableError, SaysWhereWhatAndHow) {
  const TestFolder folder;
  const std::string file = folder.write("t.tsv", GetParam().text);
  EXPECT_EQ(folder.error_of([&] { read_trace(file); }), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Trace, TableError,
    ::testing::Values(
        Case{
            "Unknown", "hello\n",
            "t.tsv:1:1: unknown trace format \"hello\" (one of: Mooncake JSONL, agentic TSV, Azure "
            "CSV)"},
        Case{"ServeGen", "client,start_s,rate_per_s,cv,dist,p1,p2\n",
             "t.tsv:1:1: is a ServeGen table of arrival rates, not a trace of requests; name it as "
             "the arrival process of a synthetic workload"},
        Case{"HeaderOnly", tsv_header, "t.tsv:0:0: holds no request; give a trace with some"},
        Case{"TooFewColumns", tsv_header + "1\t0\t-1\n",
             "t.tsv:2:7: has 3 columns instead of 14; copy or download the file again"},
        Case{"CutRuns", tsv_header + "1\t0\t-1\t0\t0\t0\t-1\t-1\t200\t5\tu\te\t0\t1+2\n",
             "t.tsv:2:32: runs: hold 2 blocks, but \"200\" tokens fill 3 blocks of 64; copy or "
             "download the file again"},
        Case{"BadRuns", tsv_header + "1\t0\t-1\t0\t0\t0\t-1\t-1\t200\t5\tu\te\t0\t1+2,x\n",
             "t.tsv:2:36: runs: not a list of block runs \"x\"; write them as start+count,id"},
        Case{"UnknownKind", tsv_header + "1\t0\t-1\t0\t0\t0\t-1\t-1\t64\t5\tz\te\t0\t1\n",
             "t.tsv:2:25: kind: unknown kind \"z\" (one of: u, r, x)"},
        Case{"ZeroInput", tsv_header + "1\t0\t-1\t0\t0\t0\t-1\t-1\t0\t5\tu\te\t0\t\n",
             "t.tsv:2:20: in_tok: must be between 1 and 1000000000, is \"0\"; correct or drop the "
             "row"},
        Case{"MissingTurn", tsv_header + "1\t0\t-1\t1\t0\t0\t-1\t-1\t64\t5\tu\te\t0\t1\n",
             "t.tsv:2:8: req: \"1\" is not the next of its stream, 0; no request may be missing, "
             "double or out of order"},
        Case{"UnknownSpawner",
             tsv_header + "1\t0\t-1\t0\t0\t0\t-1\t-1\t64\t5\tu\te\t0\t1\n"
                          "1\t1\t3\t0\t0\t0\t-1\t-1\t64\t5\tu\te\t0\t1\n",
             "t.tsv:3:5: spawn_after: \"3\" names no request of stream 0, which has 1"},
        Case{"NotANumber", tsv_header + "1\t0\t-1\t0\tnan\t0\t-1\t-1\t64\t5\tu\te\t0\t1\n",
             "t.tsv:2:10: t_ms: not a number \"nan\"; write one such as 250 or 0.5"},
        Case{"AzureDate", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 25:17:03.97,1,1\n",
             "t.tsv:2:1: TIMESTAMP: not a date \"2023-11-16 25:17:03.97\"; write one such as "
             "2023-11-16 18:17:03.97"},
        Case{
            "AzureUnsorted",
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,1,1\n"
            "2023-11-16 18:17:03.96,1,1\n",
            "t.tsv:3:1: TIMESTAMP: \"2023-11-16 18:17:03.96\" goes back in time; sort the trace by "
            "TIMESTAMP"},
        Case{"AzureColumns", "TIMESTAMP,Context\n",
             "t.tsv:1:1: unknown header \"TIMESTAMP,Context\"; expected the columns TIMESTAMP, "
             "ContextTokens, GeneratedTokens"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(TraceError, NamesAFileThatIsNotThere) {
  const TestFolder folder;
  EXPECT_EQ(folder.error_of([&] { read_trace(folder.path("none.jsonl")); }),
            "none.jsonl:0:0: no such file; give the path of a text file, plain or gzip");
}

TEST(TraceError, NamesADirectory) {
  const TestFolder folder;
  std::filesystem::create_directory(folder.path("d"));
  EXPECT_EQ(folder.error_of([&] { read_trace(folder.path("d")); }),
            "d:0:0: is a directory; give a file in it");
}

TEST(TraceError, NamesAFileInUtf16) {
  const TestFolder folder;
  for (const std::string mark : {"\xff\xfe", "\xfe\xff"}) {
    EXPECT_EQ(folder.error_of([&] { read_trace(folder.write("t.jsonl", mark + "{")); }),
              "t.jsonl:0:0: is UTF-16; save it as UTF-8");
  }
}

TEST(TraceError, NoticesAGzipCutShort) {
  const TestFolder folder;
  const std::string whole = shipped("mooncake_synthetic_trace.jsonl.gz");
  std::filesystem::copy_file(whole, folder.path("t.jsonl.gz"));
  std::filesystem::resize_file(folder.path("t.jsonl.gz"), 100'000);
  EXPECT_EQ(folder.error_of([&] { read_trace(folder.path("t.jsonl.gz")); }),
            "t.jsonl.gz:0:0: gzip cut short; copy or download the file again");
}

TEST(TraceError, NamesTheTableOfSessionsBesideATrace) {
  const TestFolder folder;
  const std::string file =
      folder.write("t.tsv", tsv_header + "1\t0\t-1\t0\t0\t0\t-1\t-1\t64\t5\tu\te\t0\t1\n");
  folder.write("t.sessions.tsv", "session\ttool_tok\n");
  EXPECT_EQ(
      folder.error_of([&] { read_trace(file); }),
      "t.sessions.tsv:1:1: unknown header \"session\ttool_tok\"; expected the columns session, "
      "tool_tok, system_tok, n_main, n_streams, duration_s, first_in, max_in, sum_in, sum_out, "
      "has_api_time");
}

}  // namespace
}  // namespace calvo::traces
