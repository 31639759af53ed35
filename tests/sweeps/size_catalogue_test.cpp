// What a priced catalogue says, and what is said against a wrong one.
#include "sweeps/size_catalogue.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/yaml_tree.hpp"

namespace calvo::sweeps::testing {
namespace {

using ::testing::ElementsAre;

const std::string head = "currency: USD\nas_of: 2026-01-01\n";
const std::string two_slots = head + R"(slots:
  NIC:
    ordered: true
    per: [topology.storage_nodes, topology.nics_per_storage_node]
    options:
      slow: {price: 100, set: {hardware.storage_nic: rdma_100g}}
      fast: {price: 250.5, set: {hardware.storage_nic: rdma_400g}}
  nodes:
    per: [topology.storage_nodes]
    options:
      one: {price: 1000, set: {topology.storage_nodes: 1}}
      two: {price: 900, set: {topology.storage_nodes: 2}}
)";
const std::string scenario = "topology: {storage_nodes: 1, nics_per_storage_node: 3}\n";

std::string error_of(const std::string& text) {
  try {
    combinations(read_catalogue_text(text, "p.yaml"), read_yaml_text(scenario, "s.yaml"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(Catalogue, PricesEachPieceByTheCountsOfTheCombination) {
  const Catalogue catalogue = read_catalogue_text(two_slots, "p.yaml");
  const auto all = combinations(catalogue, read_yaml_text(scenario, "s.yaml"));
  std::vector<double> prices;
  std::vector<std::string> names;
  for (const Combination& each : all) {
    prices.push_back(each.price);
    names.push_back(name_of(catalogue, each));
  }
  EXPECT_THAT(prices, ElementsAre(1300, 1751.5, 2400, 3303));
  EXPECT_THAT(names, ElementsAre("NIC slow, nodes one", "NIC fast, nodes one",
                                 "NIC slow, nodes two", "NIC fast, nodes two"));
  EXPECT_EQ(settings_of(catalogue, all[3])[1].value.text, "2");
}

TEST(Catalogue, RefusesWhatIsWrongWithItsPlaceAndTheRemedy) {
  const std::string slot = head + "slots:\n  NIC:\n    ";
  const struct {
    std::string text;
    std::string error;
  } cases[] = {
      {"curency: USD\n", "p.yaml:1:1: curency: unknown key (did you mean \"currency\"?)"},
      {"currency: USD\n", "p.yaml:1:1: as_of: missing"},
      {"currency: USD\nas_of: 2026-02-30\n",
       "p.yaml:2:8: as_of: \"2026-02-30\" is no date; write one like 2026-01-31"},
      {"currency: USD\nas_of: spring\n",
       "p.yaml:2:8: as_of: \"spring\" is no date; write one like 2026-01-31"},
      {head + "slots: {}\n", "p.yaml:3:8: slots: is empty; name at least one part that is bought"},
      {slot + "options: {}\n",
       "p.yaml:5:14: slots.NIC.options: is empty; name at least one option"},
      {slot + "optoins: {}\n",
       "p.yaml:5:5: slots.NIC.optoins: unknown key (did you mean \"options\"?)"},
      {slot + "options: {a: {prise: 3}}\n",
       "p.yaml:5:19: slots.NIC.options.a.prise: unknown key (did you mean \"price\"?)"},
      {slot + "options: {a: {price: -3}}\n",
       "p.yaml:5:26: slots.NIC.options.a.price: \"-3\" is negative; nobody pays you for hardware"},
      {slot + "options: {a: {set: {memory.host: 1 GiB}}}\n",
       "p.yaml:5:18: slots.NIC.options.a.price: missing"},
      {slot + "per: [topology.storage_node]\n    options: {a: {price: 1}}\n",
       "p.yaml:5:11: slots.NIC.per: unknown count \"topology.storage_node\" (did you mean "
       "\"topology.storage_nodes\"?)"},
      {slot + "options: {a: {price: 1, set: {seed: 3}}}\n",
       "p.yaml:5:35: slots.NIC.options.a.set.seed: is no hardware; remove it"},
      {slot + "options: {a: {price: 1, set: {slo.ttft.fixed: 9 s}}}\n",
       "p.yaml:5:35: slots.NIC.options.a.set.slo.ttft.fixed: is no hardware; remove it"},
      {slot + "options: {a: {price: 1, set: {hardware.gpu.memory: 80 GB}}}\n  GPU:\n"
              "    options: {b: {price: 1, set: {hardware.gpu: H100}}}\n",
       "p.yaml:7:35: slots.GPU: sets \"hardware.gpu\", and slot \"NIC\" sets "
       "\"hardware.gpu.memory\"; let one slot set both"},
      {slot + "per: [engine.tensor_parallel]\n    options: {a: {price: 1}}\n",
       "p.yaml:4:3: per: \"engine.tensor_parallel\" is no count: \"\" is not a whole number"}};
  for (const auto& each : cases) EXPECT_EQ(error_of(each.text), each.error);
}

TEST(Catalogue, TheOneThatIsShippedSaysThatItsPricesAreExamples) {
  const Catalogue catalogue =
      read_catalogue(std::string(CALVO_SOURCE_DIR) + "/scenarios/catalogue/prices.yaml");
  EXPECT_EQ(catalogue.slots.size(), 4);
  EXPECT_EQ(catalogue.note.find("ours: "), 0) << catalogue.note;
}

TEST(Catalogue, RefusesMoreCombinationsThanCanBeSearched) {
  std::string text = head + "slots:\n";
  for (int slot = 0; slot < 5; ++slot) {
    text += "  s" + std::to_string(slot) + ":\n    options:\n";
    for (int i = 0; i < 10; ++i) text += "      o" + std::to_string(i) + ": {price: 1}\n";
  }
  EXPECT_EQ(error_of(text),
            "p.yaml:0:0: slots: have more than 20000 combinations; take some options out");
}

}  // namespace
}  // namespace calvo::sweeps::testing
