// Where the files that a scenario names are looked for.
#pragma once

#include <string>
#include <vector>

#include "core/yaml_section.hpp"

namespace calvo::scenarios {

/// Folders that hold `scenarios/` and `data/`, the first one first.
struct SearchPath {
  std::vector<std::string> roots;
};

/// $CALVO_DATA where set, the folder calvo was built from, and share/calvo beside the folder of the
/// running program; those that exist. Throws InputError if $CALVO_DATA is no folder.
SearchPath default_search_path();

/// A file that a scenario names.
struct FoundFile {
  std::string path;       ///< to open
  std::string canonical;  ///< to write down: relative to a root where it lies under one
};

/// The file that `key` names: relative to the file the text stands in (to the current folder in a
/// "--set"), else to the roots. Throws InputError at the key, naming the folders that were
/// searched.
FoundFile find_file(const YamlSection& section, std::string_view key, const SearchPath& search);

/// The file `relative` in the first root that has it; empty if none does.
std::string find_in_roots(const std::string& relative, const SearchPath& search);

}  // namespace calvo::scenarios
