// What the program says to whoever types it, right or wrong.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

TEST(CommandLine, VersionNamesTheBuild) {
  const Workplace here;
  const Ran ran = here.run({"--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, MatchesRegex("calvo [0-9.]+( [0-9a-f]+)? \\(.*, SimGrid [0-9.]+\\)\n"));
}

TEST(CommandLine, EachVerbHelpsWithAnExample) {
  const Workplace here;
  for (const char* verb : {"run", "compare", "list", "replay"}) {
    const Ran ran = here.run({verb, "--help"});
    EXPECT_EQ(ran.exit_code, 0) << verb;
    EXPECT_THAT(ran.out, HasSubstr("Example")) << verb;
    EXPECT_THAT(ran.err, IsEmpty()) << verb;
  }
  EXPECT_THAT(here.run({"trace", "info", "--help"}).out, HasSubstr("--lru 1000,3000,inf"));
  EXPECT_THAT(here.run({"--help"}).out, HasSubstr("Exit codes: 0 done, 2 wrong input"));
}

struct Wrong {
  std::vector<std::string> arguments;
  std::string message;
};

TEST(CommandLine, WhatIsWrongIsNamedWithARemedy) {
  const Workplace here;
  const Wrong cases[] = {
      {{}, "calvo: name a command; see calvo --help\n"},
      {{"runn"}, "calvo: unknown command \"runn\" (did you mean \"run\"?); see calvo --help\n"},
      {{"run", "a.yaml", "--ouput", "x"},
       "calvo: unknown option \"--ouput\" (did you mean \"--out\"?); see calvo run --help\n"},
      {{"run"}, "calvo: SCENARIO is required; see calvo --help\n"},
      {{"list", "a", "b"}, "calvo: unexpected argument \"b\"; see calvo list --help\n"},
      {{"list", "engins"},
       "calvo: calvo list:0:0: unknown kind \"engins\" (did you mean \"engines\"?)\n"},
      {{"trace"}, "calvo: name what to do with the trace; see calvo trace --help\n"},
      {{"trace", "convert", "a", "b", "c"},
       "calvo: unexpected argument \"c\"; see calvo trace convert --help\n"},
      {{"trace", "info", "none.jsonl"},
       "calvo: none.jsonl:0:0: no such file; give the path of a text file, plain or gzip\n"},
      {{"compare", "none"},
       "calvo: none:0:0: no such directory; name one that `calvo run` wrote\n"},
      {{"replay", "none"},
       "calvo: none/events.bin:0:0: no such file; run the scenario with "
       "--events\n"},
  };
  for (const Wrong& wrong : cases) {
    const Ran ran = here.run(wrong.arguments);
    EXPECT_EQ(ran.exit_code, 2) << wrong.message;
    EXPECT_EQ(ran.err, wrong.message);
    EXPECT_THAT(ran.out, IsEmpty()) << wrong.message;
  }
  EXPECT_THAT(here.files(), IsEmpty());
}

/// Commands that "calvo WORDS --help" names anywhere in a folder's sources or pages.
std::set<std::string> commands_with_help(const std::string& folder) {
  const std::regex named("calvo((?: [a-z]+)*) --help");
  std::set<std::string> commands;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           std::string(CALVO_SOURCE_DIR) + "/" + folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    for (std::sregex_iterator next(text.begin(), text.end(), named), end; next != end; ++next) {
      commands.insert((*next)[1]);
    }
  }
  return commands;
}

TEST(CommandLine, EveryCommandWhoseHelpIsPointedToExists) {
  const Workplace here;
  std::set<std::string> commands = commands_with_help("cli");
  EXPECT_THAT(commands, IsSupersetOf({"", " trace"}));
  commands.merge(commands_with_help("docs"));
  for (const std::string& command : commands) {
    std::istringstream words(command);
    std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    arguments.emplace_back("--help");
    EXPECT_EQ(here.run(arguments).exit_code, 0) << "calvo" << command << " --help";
  }
}

TEST(CommandLine, ListNamesWhatExists) {
  const Workplace here;
  EXPECT_THAT(here.run({"list"}).out, HasSubstr("engines "));
  EXPECT_THAT(here.run({"list", "engines"}).out, HasSubstr("\ncalvo_fifo "));
  EXPECT_THAT(here.run({"list", "orders"}).out, StartsWith("fifo "));
  EXPECT_THAT(here.run({"list", "models"}).out, HasSubstr("8.03 B parameters"));
  EXPECT_THAT(here.run({"list", "hardware"}).out, HasSubstr("rdma_400g"));
  EXPECT_THAT(here.run({"list", "switches"}).out, HasSubstr("cut              never | block"));
  for (const char* kind : {"routing", "restore", "topologies", "generators", "datasets",
                           "flow_backends", "fabrics", "devices"}) {
    const Ran ran = here.run({"list", kind});
    EXPECT_EQ(ran.exit_code, 0) << kind;
    EXPECT_THAT(ran.out, MatchesRegex("([a-z_]+ +[^\n]+\n)+")) << kind;
  }
}

TEST(CommandLine, AStandardOutputThatIsFullIsNoSuccess) {
  const Workplace here;
  const std::string err = here / "err";
  const std::string command = std::string(CALVO_PROGRAM) + " list engines > /dev/full 2> " + err;
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(here.read("err"),
            "calvo: standard output cannot be written; give it a place with room\n");
}

TEST(CommandLine, TraceInfoAndConvertAgree) {
  const Workplace here;
  here.write(
      "t.jsonl",
      "{\"timestamp\":0,\"input_length\":1000,\"output_length\":5,\"hash_ids\":[1,2]}\n"
      "{\"timestamp\":500,\"input_length\":1100,\"output_length\":7,\"hash_ids\":[1,2,3]}\n");
  const Ran info = here.run({"trace", "info", "t.jsonl", "--lru", "2,inf", "--json"});
  EXPECT_EQ(info.exit_code, 0) << info.err;
  EXPECT_THAT(info.out, HasSubstr("\"requests\""));
  const Ran converted = here.run({"trace", "convert", "t.jsonl", "u.jsonl.gz"});
  EXPECT_EQ(converted.exit_code, 0) << converted.err;
  EXPECT_THAT(here.files(), ElementsAre("t.jsonl", "u.jsonl.gz"));
  const Ran again = here.run({"trace", "info", "u.jsonl.gz", "--lru", "2,inf", "--json"});
  const auto after_file = [](const std::string& text) { return text.substr(text.find("format")); };
  EXPECT_EQ(after_file(again.out), after_file(info.out));
  EXPECT_EQ(here.run({"trace", "info", "t.jsonl", "--lru", "0"}).exit_code, 2);
}

}  // namespace
}  // namespace calvo::testing
