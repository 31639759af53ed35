// From a sweep file to cells.
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sweeps/values.hpp"
#include "tests/sweeps/fixture.hpp"

namespace calvo::sweeps::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> result;
  for (const Cell& cell : plan.grid()) result.push_back(cell.name);
  return result;
}

TEST(SweepPlan, WithoutAxesIsTheScenarioAndItsSeed) {
  const SweepFolder here;
  const Plan plan = here.plan("");
  EXPECT_THAT(names(plan), ElementsAre("calvo"));
  EXPECT_THAT(plan.seeds(), ElementsAre(4));
  EXPECT_THAT(plan.groups(), IsEmpty());
}

TEST(SweepPlan, CombinesEnginesPointsAndAxesInTheirOrder) {
  const SweepFolder here;
  const Plan plan = here.plan(
      "seeds: 3\n"
      "engines: [vllm_sync, {base: calvo, cut: never}]\n"
      "points: [{block_tokens: 16}, {block_tokens: 256, memory.host: 1 GiB}]\n"
      "axes: {workload.synthetic.arrival.rate: [1 /s, 120 /min]}\n");
  EXPECT_THAT(names(plan),
              ElementsAre("vllm_sync, block_tokens 16, rate 1 /s",
                          "vllm_sync, block_tokens 16, rate 120 /min",
                          "vllm_sync, block_tokens 256, host 1 GiB, rate 1 /s",
                          "vllm_sync, block_tokens 256, host 1 GiB, rate 120 /min",
                          "calvo+cut=never, block_tokens 16, rate 1 /s",
                          "calvo+cut=never, block_tokens 16, rate 120 /min",
                          "calvo+cut=never, block_tokens 256, host 1 GiB, rate 1 /s",
                          "calvo+cut=never, block_tokens 256, host 1 GiB, rate 120 /min"));
  EXPECT_THAT(plan.seeds(), ElementsAre(1, 2, 3));
  EXPECT_THAT(plan.columns(),
              ElementsAre("block_tokens", "memory.host", "workload.synthetic.arrival.rate"));
  EXPECT_EQ(plan.rate_key(), "workload.synthetic.arrival.rate");
  EXPECT_EQ(plan.rate_unit(), "/s");
  EXPECT_EQ(plan.grid()[1].rate, 2.0) << "120 a minute";
  EXPECT_THAT(plan.groups(), SizeIs(4)) << "engines x points";
  EXPECT_THAT(plan.groups()[1].grid, ElementsAre(2, 3));
}

TEST(SweepPlan, NamesACellByItsSettingsOnly) {
  const SweepFolder here;
  const Plan some = here.plan("axes: {block_tokens: [16, 256]}\nseeds: 3\n");
  const Plan other =
      here.plan("name: other\nset: {block_tokens: 16}\nseeds: [9]\nkeep: [requests]");
  EXPECT_EQ(some.grid()[0].id, other.grid()[0].id);
  EXPECT_NE(some.grid()[0].id, some.grid()[1].id);
  EXPECT_EQ(some.grid()[0].point(7), some.grid()[0].id + "-7");
  EXPECT_THAT(some.grid()[0].id, SizeIs(12));
}

TEST(SweepPlan, ChangesItsIdentityWithWhatDecidesItsResults) {
  const SweepFolder here;
  std::set<std::string> identities;
  const std::vector<std::string> sweeps = {
      "seeds: 2\n",
      "seeds: 3\n",
      "seeds: 2\naxes: {block_tokens: [16]}\n",
      "seeds: 2\nkeep: [requests]\n",
      "seeds: 2\ngoodput: {attainment: 80 %}\n",
      "seeds: 2\ngoodput: {from: 1 /s, to: 2 /s}\n",
      "seeds: 2\ngoodput: {from: 1 /s, to: 3 /s}\n",
      "seeds: 2\nuntil: {metric: mean_ttft_ms, half_width: 5, max_seeds: 9}\n"};
  for (const std::string& sweep : sweeps) identities.insert(here.plan(sweep).identity());
  EXPECT_EQ(identities.size(), sweeps.size());
  EXPECT_EQ(here.plan("seeds: 2\n").identity(), here.plan("# a word\nseeds: [1, 2]\n").identity());
}

TEST(SweepPlan, PutsTheRateOfASearchIntoItsColumn) {
  const SweepFolder here;
  const Plan plan = here.plan(
      "engines: [vllm_sync, calvo]\nseeds: 2\n"
      "goodput: {from: 60 /min, to: 600 /min}\n");
  EXPECT_THAT(plan.grid(), IsEmpty());
  ASSERT_THAT(plan.groups(), SizeIs(2));
  const Cell cell = plan.cell_at(1, 90);
  EXPECT_EQ(cell.name, "calvo, rate 90 /min");
  EXPECT_EQ(cell.rate, 1.5);
  EXPECT_EQ(cell.kind, analysis::PointKind::search);
  EXPECT_THAT(plan.columns(), ElementsAre("workload.synthetic.arrival.rate"));
}

TEST(SweepValues, SpellRangesOut) {
  const auto texts = [](const std::string& range) {
    std::vector<std::string> result;
    const YamlNode tree = read_yaml_text("a: " + range, "t");
    for (const YamlNode& node : expand_values(*tree.find("a"), "a")) result.push_back(node.text);
    return result;
  };
  EXPECT_THAT(texts("{from: 1 /s, to: 2 /s, points: 3}"), ElementsAre("1 /s", "1.5 /s", "2 /s"));
  EXPECT_THAT(texts("{from: 1, to: 100, points: 3, scale: log}"), ElementsAre("1", "10", "100"));
  EXPECT_THAT(texts("{from: 0.1 s, to: 0.35 s, step: 0.1 s}"),
              ElementsAre("0.1 s", "0.2 s", "0.3 s"));
}

TEST(SweepValues, KnowQuantitiesByTheirUnits) {
  const auto text = [](const std::string& value) {
    const auto base = base_value(value);
    return base ? to_text(Quantity{base->number, base->unit}) : "none";
  };
  EXPECT_EQ(text("30 /min"), "0.5 /s");
  EXPECT_EQ(text("8 Gbit/s"), "1e+09 B/s");
  EXPECT_EQ(text("2 KiB"), "2048 B");
  EXPECT_EQ(text("5 ms"), "0.005 s");
  EXPECT_EQ(text("75 %"), "0.75");
  EXPECT_EQ(text("3"), "3");
  EXPECT_EQ(text("4096 blocks"), "none");
  EXPECT_EQ(text("never"), "none");
}

struct BadSweep {
  std::string name;
  std::string text;  ///< below "scenario: s.yaml"
  std::string error;
};

class SweepErrors : public ::testing::TestWithParam<BadSweep> {};

TEST_P(SweepErrors, NameThePlaceAndTheRemedy) {
  const SweepFolder here;
  EXPECT_EQ(here.error_of(GetParam().text), GetParam().error);
}

const std::vector<BadSweep> bad_sweeps = {
    {"UnknownKey", "axis: {a: [1]}\n", "w.yaml:2:1: axis: unknown key (did you mean \"axes\"?)"},
    {"UnknownScenarioKey", "axes:\n  engine.cutt: [never]\n",
     "w.yaml:3:10: engine.cutt: unknown key (did you mean \"cut\"?)"},
    {"BadValue", "axes:\n  block_tokens: [16, many]\n",
     "w.yaml:3:22: block_tokens: \"many\" is not a whole number of tokens (expected a "
     "number like 512)"},
    {"EmptyAxis", "axes: {block_tokens: []}\n",
     "w.yaml:2:22: axes.block_tokens: is empty; give at least one value, or remove it"},
    {"NoAxes", "axes: {}\n",
     "w.yaml:2:7: axes: is empty; name a key of the scenario, or remove it"},
    {"ScalarAxis", "axes: {block_tokens: 16}\n",
     "w.yaml:2:22: axes.block_tokens: a list of values is expected, or a range like {from: 1, to: "
     "4, points: 4}"},
    {"TwiceInAxis", "axes: {block_tokens: [16, 16]}\n",
     "w.yaml:2:27: axes.block_tokens.1: \"16\" is there twice; remove one"},
    {"SeedAxis", "axes: {seed: [1]}\n",
     "w.yaml:2:8: axes.seed: is not set here; write \"seeds\" beside \"axes\""},
    {"EngineAxis", "axes: {engine: [calvo]}\n",
     "w.yaml:2:8: axes.engine: is no axis; write \"engines\" beside \"axes\""},
    {"UnknownEngine", "engines: [calvoo]\n",
     "w.yaml:2:11: engine: unknown engine \"calvoo\" (did you mean \"calvo\"?)"},
    {"NoSeeds", "seeds: 0\n", "w.yaml:2:8: seeds: \"0\" is out of range (must be 1 to 100000)"},
    {"SeedTwice", "seeds: [1, 1]\n", "w.yaml:2:8: seeds: a seed is there twice; remove one"},
    {"RangeBackwards", "axes: {block_tokens: {from: 2, to: 1, points: 2}}\n",
     "w.yaml:2:36: axes.block_tokens.to: \"1\" is not above \"2\""},
    {"RangeOfTwoUnits",
     "axes: {workload.synthetic.arrival.rate: {from: 1 /s, to: 9 /min, points: 2}}\n",
     "w.yaml:2:58: axes.workload.synthetic.arrival.rate.to: \"9 /min\" has another unit than \"1 "
     "/s\"; write both in one"},
    {"RangeKey", "axes: {block_tokens: {from: 1, to: 2, count: 2}}\n",
     "w.yaml:2:39: axes.block_tokens.count: unknown key (one of: from, to, points, step, scale)"},
    {"TwinCells", "axes: {memory.host: [1 GiB, 1024 MiB]}\n",
     "w.yaml:0:0: \"calvo, host 1 GiB\" and \"calvo, host 1024 MiB\" are the same scenario; remove "
     "one"},
    {"KeepWhat", "keep: [logs]\n",
     "w.yaml:2:7: keep: unknown file \"logs\" (one of: summary, requests, scenario, timeline, "
     "events, environment)"},
    {"UntilOfWhat", "until: {metric: mean_ttft, half_width: 1, max_seeds: 9}\n",
     "w.yaml:2:17: until.metric: unknown metric \"mean_ttft\" (did you mean \"mean_ttft_ms\"?)"},
    {"UntilHow", "until: {metric: mean_ttft_ms, max_seeds: 9}\n",
     "w.yaml:2:8: until: give one of \"half_width\" (in the unit of mean_ttft_ms) and "
     "\"relative_half_width\" (a share of it)"},
    {"SearchOfTwoUnits", "goodput: {from: 60 /min, to: 10 /s}\n",
     "w.yaml:2:30: goodput.to: has another unit than \"from\"; write both in one"},
    {"SearchFromZero", "goodput: {from: 0 /s, to: 2 /s}\n",
     "w.yaml:2:17: goodput.from: \"0 /s\" is no rate above 0; write one like 0.5 /s"},
    {"SearchOverWhat", "goodput: {rate: workload.rat, from: 1 /s, to: 2 /s}\n",
     "w.yaml:2:26: workload.rat: unknown key (one of: trace, synthetic, requests)"},
    {"SearchOverNoRate", "goodput: {rate: memory.host, from: 1 GiB, to: 2 GiB}\n",
     "w.yaml:2:17: goodput.rate: \"memory.host\" from \"1 GiB\" is no rate, and goodput is one; "
     "write a rate like 0.5 /s, or give the values as an axis and read the attainments"},
    {"SearchOverRequests",
     "points: [{workload: {requests: [{query: 10}]}}]\ngoodput: {from: 1 /s, to: 2 /s}\n",
     "w.yaml:3:17: goodput: the workload of \"calvo, workload {requests: [{query: 10}]}\" is "
     "requests written out, which have no rate; take a synthetic one or a trace"},
    {"SearchOverAnotherWorkload",
     "points: [{workload: {trace: {file: "
     "data/traces/mooncake_conversation_trace.jsonl.gz}}}]\ngoodput: {from: 1 /s, to: 2 /s}\n",
     "w.yaml:3:17: goodput: the workload of \"calvo, workload {trace: {file: "
     "data/traces/mooncake_conversation_trace.jsonl.gz}}\" has no workload.synthetic.arrival.rate; "
     "name its rate as goodput.rate"},
    {"CellThatDoesNotLoad", "axes: {model.max_context: [131072, 200]}\n",
     "s.yaml:5:11: workload: every request is longer than the context of \"Llama-3.1-8B\", 200 "
     "tokens; take another model or raise model.max_context (in the cell \"calvo, max_context "
     "200\")"},
    {"CellThatLastsTooLong", "axes: {workload.synthetic.arrival.rate: [1 /s, 1e-300 /s]}\n",
     "w.yaml:2:48: workload.synthetic.arrival.rate: puts a request at 7.32e+299 s, beyond the "
     "longest run, 8388608 s (97 days); raise it, or lower synthetic.count (in the cell \"calvo, "
     "rate 1e-300 /s\")"},
    {"SearchThatLastsTooLong", "goodput: {from: 1e-300 /s, to: 2 /s}\n",
     "w.yaml:2:17: workload.synthetic.arrival.rate: puts a request at 7.32e+299 s, beyond the "
     "longest run, 8388608 s (97 days); raise it, or lower synthetic.count (in the cell \"calvo, "
     "rate 1e-300 /s\")"},
    {"RateOfSessions",
     "set: {workload: {trace: {file: data/traces/agentic_coding_weka_small48.tsv.gz}}}\n"
     "axes: {workload.trace.open.rate_scale: [1, 2]}\n",
     "w.yaml:0:0: workload.trace.open.rate_scale: changes no arrival of \"calvo, rate_scale 2\": "
     "its trace is played closed_loop, where requests follow the ends of others; give "
     "workload.trace.closed.live_sessions as an axis instead"},
};

INSTANTIATE_TEST_SUITE_P(Bad, SweepErrors, ::testing::ValuesIn(bad_sweeps),
                         [](const auto& bad) { return bad.param.name; });

}  // namespace
}  // namespace calvo::sweeps::testing
