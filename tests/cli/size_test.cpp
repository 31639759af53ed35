// `calvo size`: the cheapest that meets the objective, as one finds it by trying everything.
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "analysis/sweep_table.hpp"
#include "tests/cli/program.hpp"

namespace calvo::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// Fixed deadlines, two NICs that matter, at a rate that the slowest cannot carry.
std::string scenario() {
  return R"(name: two_nics
model: Llama-3.1-8B
hardware: {gpu: H100, nic: rdma_100g}
memory: {gpu: 16 GiB, host: 16 GiB, remote: 64 GiB}
workload:
  synthetic:
    arrival: {rate: 20 /s}
    count: 60
    context: 4096
    query: 64
    output: 2
    hit_fractions: [1]
slo: {ttft: {fixed: 90 ms}}
)";
}

struct Part {
  const char* name;
  const char* nic;
  double price;
};
constexpr Part serving[] = {{"slow", "rdma_100g", 10}, {"fast", "rdma_400g", 35}};
constexpr Part storage[] = {
    {"slow", "rdma_100g", 12}, {"middle", "rdma_200g", 20}, {"fast", "rdma_400g", 29}};

std::string slot(const std::string& name, const std::string& key, std::span<const Part> parts,
                 bool ordered) {
  std::string text =
      "  " + name + ":\n" + (ordered ? "    ordered: true\n" : "") + "    options:\n";
  for (const Part& part : parts) {
    text += std::string("      ") + part.name + ": {price: " + std::to_string(part.price) +
            ", set: {hardware." + key + ": " + part.nic + "}}\n";
  }
  return text;
}

std::string catalogue(bool ordered) {
  return "currency: EUR\nas_of: 2026-01-01\nslots:\n" +
         slot("serving", "serving_nic", serving, ordered) +
         slot("storage", "storage_nic", storage, ordered);
}

/// Mean attainment of each combination over seeds 1 to 3, by a sweep of all of them.
std::map<std::pair<std::string, std::string>, double> all_attainments(const Workplace& here) {
  std::string sweep =
      "scenario: s.yaml\nseeds: 3\naxes:\n"
      "  hardware.serving_nic: [rdma_100g, rdma_400g]\n"
      "  hardware.storage_nic: [rdma_100g, rdma_200g, rdma_400g]\n";
  here.write("w.yaml", sweep);
  EXPECT_EQ(here.run({"sweep", "w.yaml", "--quiet"}).exit_code, 0);
  const auto table = analysis::read_sweep_table((here / "sweeps/w/sweep.csv").string());
  std::map<std::pair<std::string, std::string>, double> sum;
  for (const auto& row : table.rows) {
    sum[{row.settings[0], row.settings[1]}] += *row.result->metric("slo_attainment") / 3;
  }
  return sum;
}

TEST(Size, FindsWhatTryingEverythingFinds) {
  const Workplace here;
  here.write("s.yaml", scenario());
  const auto attainments = all_attainments(here);
  ASSERT_EQ(attainments.size(), 6);
  for (const char* wanted : {"30%", "70%", "95%"}) {
    std::optional<double> price;
    std::string parts;
    for (const Part& a : serving) {
      for (const Part& b : storage) {
        if (attainments.at({a.nic, b.nic}) < std::stod(wanted) / 100) continue;
        if (price && *price <= a.price + b.price) continue;
        price = a.price + b.price;
        parts = std::string(a.name) + " " + b.name;
      }
    }
    ASSERT_TRUE(price.has_value()) << wanted;
    for (const bool ordered : {false, true}) {
      here.write("p.yaml", catalogue(ordered));
      const Ran ran = here.run({"size", "s.yaml", "--catalogue", "p.yaml", "--attainment", wanted,
                                "--seeds", "3", "--json", "--quiet"});
      ASSERT_EQ(ran.exit_code, 0) << ran.err;
      const auto found = nlohmann::json::parse(ran.out)["cheapest"];
      EXPECT_EQ(found["price"], *price) << wanted;
      EXPECT_EQ(found["parts"][0]["option"].get<std::string>() + " " +
                    found["parts"][1]["option"].get<std::string>(),
                parts)
          << wanted;
      EXPECT_THAT(ran.err, IsEmpty());
    }
  }
}

TEST(Size, SaysUpToWhichRateTheCheapestMeetsIt) {
  const Workplace here;
  here.write("s.yaml", scenario());
  here.write("p.yaml", catalogue(true));
  const auto sized = [&](const std::string& rate) {
    const Ran ran = here.run({"size", "s.yaml", "--catalogue", "p.yaml", "--attainment", "70%",
                              "--rate", rate, "--seeds", "2", "--reserve", "--json", "--quiet"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return nlohmann::json::parse(ran.out);
  };
  const auto json = sized("10 /s");
  const auto& reserve = json["reserve"];
  EXPECT_EQ(reserve["asked"], 10);
  ASSERT_TRUE(reserve["rate"].is_number()) << reserve;
  const double rate = reserve["rate"];
  EXPECT_GT(rate, 10);
  EXPECT_LT(rate, 40);
  // A little more than that is too much for it.
  EXPECT_GT(sized(std::to_string(1.2 * rate) + " /s")["cheapest"]["price"],
            json["cheapest"]["price"]);
}

TEST(Size, SaysWhatCameClosestWhereNothingMeetsIt) {
  const Workplace here;
  here.write("s.yaml", scenario());
  here.write("p.yaml", catalogue(true));
  const Ran ran = here.run({"size", "s.yaml", "--catalogue", "p.yaml", "--attainment", "99%",
                            "--rate", "200 /s", "--seeds", "2"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("Nothing in the catalogue has attainment of at least 99 % for "
                                  "two_nics under calvo at a rate of 200 /s.\nClosest: "));
  EXPECT_THAT(ran.out, HasSubstr("Prices in EUR as of 2026-01-01\n"));
  EXPECT_THAT(ran.err, HasSubstr("none meets it yet; trying "));
}

TEST(Size, GoesOnWithOtherPricesFromWhatItsDirectoryHolds) {
  const Workplace here;
  here.write("s.yaml", scenario());
  here.write("p.yaml", catalogue(true));
  const std::vector<std::string> search = {
      "size", "s.yaml",  "--catalogue", "p.yaml", "--attainment", "70%", "--seeds",
      "2",    "--quiet", "--out",       "d"};
  const Ran first = here.run(search);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  std::map<std::string, std::filesystem::file_time_type> kept;
  for (const auto& entry : std::filesystem::directory_iterator(here / "d/points")) {
    kept[entry.path().string()] = std::filesystem::last_write_time(entry.path() / "summary.json");
  }
  std::string dearer = catalogue(true);
  dearer.replace(dearer.find("EUR"), 3, "USD");
  here.write("p.yaml", dearer);
  std::vector<std::string> again = search;
  again.emplace_back("--resume");
  std::string same = first.out;
  for (std::size_t at = 0; (at = same.find("EUR", at)) != std::string::npos;) {
    same.replace(at, 3, "USD");
  }
  EXPECT_EQ(here.run(again).out, same);
  for (const auto& [point, date] : kept) {
    EXPECT_EQ(std::filesystem::last_write_time(std::filesystem::path(point) / "summary.json"),
              date);
  }
}

TEST(Size, EndsAtCtrlCAndSaysWhatIsLost) {
  const Workplace here;
  std::string endless = scenario();
  endless.replace(endless.find("count: 60"), 9, "count: 2000000");
  here.write("s.yaml", endless);
  here.write("p.yaml", catalogue(true));
  const Ran ran = here.run_and_signal(
      {"size", "s.yaml", "--catalogue", "p.yaml", "--jobs", "1"}, SIGINT,
      [&] { return std::filesystem::exists(here / ".stderr") && !here.read(".stderr").empty(); });
  EXPECT_EQ(ran.exit_code, 130);
  EXPECT_THAT(ran.err,
              HasSubstr("\ncalvo: interrupted; the simulations of 0 of 6 combinations were "
                        "done and are lost; with --out DIR they would be kept\n"));
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST(Size, TellsWhatIsWrongWithTheCatalogueWhereItStands) {
  const Workplace here;
  here.write("s.yaml", scenario());
  const auto error = [&](const std::string& option) {
    here.write("p.yaml", "currency: EUR\nas_of: 2026-01-01\nslots:\n  NIC:\n    options:\n      " +
                             option + "\n");
    const Ran ran = here.run({"size", "s.yaml", "--catalogue", "p.yaml"});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_THAT(ran.out, IsEmpty());
    return ran.err;
  };
  EXPECT_EQ(error("a: {price: 1, set: {hardware.serving_nick: rdma_100g}}"),
            "calvo: p.yaml:6:36: hardware.serving_nick: unknown key (did you mean "
            "\"serving_nic\"?)\n");
  EXPECT_EQ(error("{a: {price: 1}, b: {price: 2}}"),
            "calvo: p.yaml:6:23: slots.NIC.options.b: makes the same machines as an option before "
            "it; does the scenario say itself what it sets?\n");
}

}  // namespace
}  // namespace calvo::testing
