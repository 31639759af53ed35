#include "scenarios/search_path.hpp"

#include <cstdlib>
#include <filesystem>

namespace calvo::scenarios {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code code;
  return fs::is_directory(path, code);
}

bool is_there(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

// The folder from which a relative name in this text starts.
fs::path home_of(const SourcePos& pos) {
  if (pos.file.starts_with("--set ")) return ".";
  const fs::path folder = fs::path(pos.file).parent_path();
  return folder.empty() ? "." : folder;
}

// `path` from `root`, or nothing if it does not lie under it.
std::string below(const fs::path& path, const fs::path& root) {
  const fs::path relative = path.lexically_relative(root);
  return relative.empty() || *relative.begin() == ".." ? "" : relative.generic_string();
}

std::string canonical_name(const fs::path& path, const SearchPath& search) {
  std::error_code code;
  const fs::path plain = fs::absolute(path, code).lexically_normal();
  const fs::path resolved = fs::weakly_canonical(path, code);
  for (const std::string& root : search.roots) {
    std::string name = below(plain, fs::absolute(root, code).lexically_normal());
    if (name.empty()) name = below(resolved, fs::weakly_canonical(root, code));
    if (!name.empty()) return name;
  }
  return plain.generic_string();
}

}  // namespace

SearchPath default_search_path() {
  SearchPath search;
  if (const char* folder = std::getenv("CALVO_DATA"); folder != nullptr && *folder != '\0') {
    if (!is_folder(folder)) {
      throw InputError({"$CALVO_DATA", 0, 0}, "",
                       "\"" + std::string(folder) +
                           "\" is not a folder; name the one that holds scenarios/ and data/");
    }
    search.roots.emplace_back(folder);
  }
  if (is_folder(fs::path(CALVO_SOURCE_DIR) / "scenarios")) {
    search.roots.emplace_back(CALVO_SOURCE_DIR);
  }
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  const fs::path installed = program.parent_path().parent_path() / "share" / "calvo";
  if (!code && is_folder(installed)) search.roots.push_back(installed.string());
  return search;
}

FoundFile find_file(const YamlSection& section, std::string_view key, const SearchPath& search) {
  const fs::path name = section.required<std::string>(key);
  std::vector<fs::path> places;
  if (name.is_absolute()) {
    places.push_back(name);
  } else {
    places.push_back(home_of(section.pos(key)) / name);
    for (const std::string& root : search.roots) places.push_back(fs::path(root) / name);
  }
  std::string searched;
  for (const fs::path& place : places) {
    if (is_folder(place)) {
      section.fail(key, "\"" + name.string() + "\" is a directory; name a file in it");
    }
    if (is_there(place)) return {place.string(), canonical_name(place, search)};
    searched += (searched.empty() ? "" : ", ") + place.parent_path().string();
  }
  section.fail(key, "no file \"" + name.string() + "\" (looked in " + searched +
                        "); give its path from the scenario's folder");
}

std::string find_in_roots(const std::string& relative, const SearchPath& search) {
  for (const std::string& root : search.roots) {
    const fs::path place = fs::path(root) / relative;
    if (is_there(place)) return place.string();
  }
  return "";
}

}  // namespace calvo::scenarios
