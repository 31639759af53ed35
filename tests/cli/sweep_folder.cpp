#include "tests/cli/sweep_folder.hpp"

#include <fstream>
#include <iterator>
#include <system_error>

namespace calvo::testing {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

std::set<std::string> landed_in(const fs::path& folder) {
  std::set<std::string> names = names_in(folder);
  std::erase_if(
      names, [](const std::string& name) { return name.find(".partial-") != std::string::npos; });
  return names;
}

std::string slurp(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::map<std::string, std::string> content_of(const fs::path& sweep) {
  std::map<std::string, std::string> content;
  for (const auto& entry : fs::recursive_directory_iterator(sweep)) {
    if (!entry.is_regular_file() || entry.path().filename() == "environment.json") continue;
    content[entry.path().lexically_relative(sweep).string()] = slurp(entry.path());
  }
  return content;
}

void write_small(const Workplace& here, const std::string& more) {
  here.write("s.yaml", small_scenario());
  here.write("w.yaml", small_sweep + more);
}

}  // namespace calvo::testing
