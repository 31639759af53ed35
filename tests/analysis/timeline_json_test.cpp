#include "analysis/timeline_json.hpp"

#include <array>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/random.hpp"
#include "tests/analysis/fixture.hpp"
#include "tests/analysis/trace_rules.hpp"

namespace calvo::analysis {
namespace {

using calvo::testing::TraceRules;
using testing::at_ms;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::loaded_request;
using testing::ms;
using testing::read_file;
using testing::small_run;
using testing::TemporaryDirectory;

std::string trace_of(const RunResult& run) {
  const TemporaryDirectory directory;
  write_timeline_json(directory / "t.json", run);
  return read_file(directory / "t.json");
}

TEST(TimelineJson, NamesTracksAndSpreadsOverlapsOverLanes) {
  const auto json = nlohmann::json::parse(trace_of(small_run()));
  std::map<int, std::string> processes;
  std::map<int, std::string> threads;
  int spans = 0;
  for (const auto& event : json.at("traceEvents")) {
    if (event.at("ph") == "M") {
      (event.at("name") == "process_name" ? processes[event.at("pid")] : threads[event.at("tid")]) =
          event.at("args").at("name");
    }
    spans += event.at("ph") == "X" ? 1 : 0;
  }
  EXPECT_EQ(spans, 4 + 3 * 7) << "four on resources, and a request has seven stages";
  EXPECT_EQ(processes,
            (std::map<int, std::string>{{1, "instance0"}, {4, "serving0"}, {6, "requests"}}));
  EXPECT_EQ(threads, (std::map<int, std::string>{{2, "instance0.gpu"},
                                                 {3, "instance0.gpu"},
                                                 {5, "serving0.nic0.rx"},
                                                 {7, "request 0 (session 0, turn 0)"},
                                                 {8, "request 1 (session 0, turn 1)"},
                                                 {9, "request 2 (session 1, turn 0)"}}));
}

TEST(TimelineJson, TheFlowOfARequestGoesThroughItsStagesAndTheResourcesThatServeIt) {
  const auto json = nlohmann::json::parse(trace_of(small_run()));
  std::map<int, std::string> thread_names;
  std::map<std::pair<int, double>, std::string> spans;
  std::vector<std::string> flow;
  for (const auto& event : json.at("traceEvents")) {
    const std::string phase = event.at("ph");
    if (phase == "M") thread_names[event.at("tid")] = event.at("args").at("name");
    if (phase == "X") spans[{event.at("tid"), event.at("ts")}] = event.at("name");
    if ((phase == "s" || phase == "t" || phase == "f") && event.at("id") == 0) {
      const std::string thread = thread_names.at(event.at("tid"));
      flow.push_back(phase + " " + thread.substr(0, thread.find(' ')) + " " +
                     spans.at({event.at("tid"), event.at("ts")}));
    }
  }
  EXPECT_THAT(
      flow, ElementsAre("s request lookup", "t request queue", "t request network_load",
                        "t serving0.nic0.rx network_load", "t request pcie_load", "t request queue",
                        "t request prefill", "t instance0.gpu prefill", "f request decode"));
}

TEST(TimelineJson, CountsHowFullEachMemoryIsWhereThatChanges) {
  RunResult run = small_run();
  run.memory = {{"instance0.gpu_memory", ms(100), {0, 0.25, 0.25, 0.5}}};
  std::vector<std::string> counted;
  const auto json = nlohmann::json::parse(trace_of(run));
  for (const auto& event : json.at("traceEvents")) {
    if (event.at("ph") == "C") counted.push_back(event.dump());
  }
  const auto event = [](const char* percent, const char* at) {
    return std::string(R"({"args":{"used_percent":)") + percent +
           R"(},"name":"gpu_memory","ph":"C","pid":1,"ts":)" + at + "}";
  };
  EXPECT_THAT(counted, ElementsAre(event("0.0", "0.0"), event("25.0", "100000.0"),
                                   event("50.0", "300000.0"), event("50.0", "400000.0")));
}

TEST(TimelineJson, OfNothingIsStillValid) {
  EXPECT_EQ(trace_of({}), "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n\n]}\n");
}

/// Spans as bad as they come: of any length, also none, on top of each other, at dates of which a
/// double has no exact microseconds; requests that end at any stage.
RunResult wild_run(std::uint64_t seed) {
  Random random(seed, 0);
  RunResult run;
  run.tracks = {"instance0.gpu", "serving0.nic0.rx", "storage0.nic0.tx", "instance0.gpu0.pcie.h2d"};
  const auto draw = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random.uniform() * static_cast<double>(most + 1));
  };
  const std::int64_t scale =
      std::array<std::int64_t, 4>{3, 1000, 1'000'001, 900'000'000'007}[seed % 4];
  for (int i = 0; i < 120; ++i) {
    const Instant begin{Nanoseconds{draw(scale)}};
    const Instant end = begin + Nanoseconds{draw(3) == 0 ? 0 : draw(scale / 4)};
    run.timeline.push_back({static_cast<std::uint32_t>(draw(3)),
                            RequestId{static_cast<std::uint64_t>(draw(9))}, draw(3) > 0, "work",
                            begin, end});
  }
  for (std::uint64_t id = 0; id < 10; ++id) {
    RequestRecord request = loaded_request(id, 0);
    Instant at{Nanoseconds{draw(scale)}};
    for (Instant* date :
         {&request.times.arrival, &request.times.lookup_done, &request.times.load_start,
          &request.times.network_done, &request.times.loaded, &request.times.prefill_start,
          &request.times.first_token, &request.times.finish}) {
      *date = at;
      at += Nanoseconds{draw(2) == 0 ? 0 : draw(scale / 8)};
    }
    if (draw(4) == 0) request.times.finish = never;
    if (draw(4) == 0) request.times.first_token = request.times.finish = never;
    run.requests.push_back(request);
  }
  run.memory = {{"instance0.gpu_memory", ms(1), {}}, {"storage0.memory", ms(1), {}}};
  for (MemoryHistory& memory : run.memory) {
    for (int i = 0; i < 50; ++i) memory.shares.push_back(random.uniform());
  }
  run.end = at_ms(50);
  return run;
}

TEST(TimelineJson, IsShownWholeWhateverTheRun) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::string text = trace_of(wild_run(seed));
    EXPECT_THAT(TraceRules::problems_of(text), IsEmpty()) << "seed " << seed;
    const auto json = nlohmann::json::parse(text);
    int spans = 0;
    for (const auto& event : json.at("traceEvents")) {
      spans += event.at("ph") == "X" && event.at("name") == "work" ? 1 : 0;
    }
    EXPECT_EQ(spans, 120) << "seed " << seed;
  }
}

// ---- the rules themselves: each finds what breaks it

std::vector<std::string> problems_of(const std::string& events) {
  return TraceRules::problems_of(
      R"({"traceEvents":[{"ph":"M","name":"process_name","pid":1,"tid":1,"args":{"name":"p"}},)"
      R"({"ph":"M","name":"thread_name","pid":1,"tid":2,"args":{"name":"t"}})" +
      (events.empty() ? "" : "," + events) + "]}");
}

std::string slice(const char* at, const char* length) {
  return std::string(R"({"ph":"X","name":"a","pid":1,"tid":2,"ts":)") + at + R"(,"dur":)" + length +
         "}";
}

std::string flow(const char* phase, const char* at) {
  return std::string(R"({"ph":")") + phase +
         R"(","cat":"c","name":"n","id":7,"pid":1,"tid":2,"bp":"e","ts":)" + at + "}";
}

TEST(TraceRules, AreContentWithWhatNestsAndFlows) {
  EXPECT_THAT(problems_of(""), IsEmpty());
  EXPECT_THAT(problems_of(slice("0", "9") + "," + slice("2", "7") + "," + slice("9", "1") + "," +
                          flow("s", "0") + "," + flow("t", "2.5") + "," + flow("f", "9")),
              IsEmpty());
  EXPECT_THAT(problems_of(R"({"ph":"B","name":"a","pid":1,"tid":2,"ts":0},)"
                          R"({"ph":"E","name":"a","pid":1,"tid":2,"ts":4})"),
              IsEmpty());
}

TEST(TraceRules, FindWhatIsPlanted) {
  const std::pair<std::string, const char*> planted[] = {
      {slice("0", "5") + "," + slice("3", "5"), "overlaps a slice on its track"},
      // 1.001 * 1000 is cut to 1000: the second begins before the first is over.
      {slice("0", "1.0011") + "," + slice("1.001", "2"), "overlaps a slice on its track"},
      {slice("-1", "5"), "has no date"},
      {slice("0", "-5"), "has no length"},
      {R"({"ph":"X","name":"a","pid":1,"tid":3,"ts":0,"dur":1})", "a thread without a name"},
      {R"({"ph":"X","name":"a","pid":3,"tid":2,"ts":0,"dur":1})", "a process without a name"},
      {R"({"ph":"M","name":"thread_name","pid":1,"tid":2,"args":{"name":"u"}})",
       "names a thread again"},
      {R"({"ph":"M","name":"thread_name","pid":1,"tid":1,"args":{"name":"u"}})",
       "has the number of a process"},
      {R"({"ph":"B","name":"a","pid":1,"tid":2,"ts":0})", "begun and never ended"},
      {R"({"ph":"E","name":"a","pid":1,"tid":2,"ts":0})", "ends what was not begun"},
      {R"({"ph":"B","name":"a","pid":1,"tid":2,"ts":0},{"ph":"E","name":"b","pid":1,"tid":2,"ts":4})",
       "ends what was begun under another name"},
      {flow("s", "0") + "," + flow("f", "0"), "outside of all slices"},
      {slice("0", "5") + "," + flow("s", "0") + "," + flow("f", "5"),
       "outside of the slice that it binds to"},
      {flow("s", "0") + "," + slice("0", "5") + "," + flow("f", "1"), "outside of all slices"},
      {slice("0", "5") + "," + flow("s", "0"), "a flow without an end"},
      {slice("0", "5") + "," + flow("f", "0"), "a flow that was not begun"},
      {slice("0", "5") + "," + flow("s", "0") + "," + flow("f", "1") + "," + flow("t", "2"),
       "a flow that has ended"},
      {slice("0", "5") + "," + flow("s", "0") + "," + flow("s", "1") + "," + flow("f", "2"),
       "begins a flow again"},
      {R"({"ph":"C","name":"m","pid":1,"ts":0,"args":{}})", "counts nothing"},
      {R"({"ph":"C","name":"m","pid":1,"ts":0,"args":{"x":"y"}})", "counts what is no number"},
  };
  for (const auto& [events, problem] : planted) {
    EXPECT_THAT(problems_of(events), ::testing::Contains(HasSubstr(problem))) << events;
  }
  EXPECT_THAT(TraceRules::problems_of("{\"traceEvents\":["), ::testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace calvo::analysis
