// A priced catalogue: what may be put into each slot of a scenario, and what it costs. docs/size.md
// has its format.
#pragma once

#include <string>
#include <vector>

#include "core/yaml_tree.hpp"
#include "scenarios/load.hpp"

namespace calvo::sweeps {

struct CatalogueOption {
  std::string name;
  double price = 0;  ///< of one piece, in the catalogue's currency, at least 0
  std::vector<scenarios::Setting> settings;
  SourcePos pos;
};

struct CatalogueSlot {
  std::string name;
  bool ordered = false;          ///< each option is at least as good as those before it
  std::vector<std::string> per;  ///< a piece for each of these, multiplied: counts of the scenario
  std::vector<CatalogueOption> options;  ///< not empty
  SourcePos pos;
};

struct Catalogue {
  std::string file;
  std::string currency;
  std::string as_of;  ///< the date of the prices
  std::string note;   ///< where they come from; may be empty
  std::vector<CatalogueSlot> slots;
};

/// Keys that a slot may be priced per.
inline constexpr std::string_view count_keys[] = {
    "topology.serving_nodes",         "topology.instances_per_node",    "topology.storage_nodes",
    "topology.nics_per_serving_node", "topology.nics_per_storage_node", "engine.tensor_parallel"};

/// Throws InputError for everything that can be wrong without a look into a scenario; keys that two
/// slots set are.
Catalogue read_catalogue(const std::string& file);
Catalogue read_catalogue_text(const std::string& text, const std::string& file);

/// What is bought: an option of each slot, in the order of the slots.
struct Combination {
  std::vector<std::size_t> choice;
  std::vector<double> pieces;  ///< of each slot
  double price = 0;            ///< of all pieces
};

/// Every combination by price; of one price in the order of the catalogue. `scenario` is resolved:
/// counts that no option sets are its. Throws InputError if there are more than 20,000.
std::vector<Combination> combinations(const Catalogue& catalogue, const YamlNode& scenario);

/// What a combination sets, slot by slot.
std::vector<scenarios::Setting> settings_of(const Catalogue& catalogue,
                                            const Combination& combination);

/// "serving NIC 100 Gbit/s, storage nodes 2"
std::string name_of(const Catalogue& catalogue, const Combination& combination);

}  // namespace calvo::sweeps
