#include "scenarios/calibration.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "core/suggest.hpp"
#include "core/yaml_section.hpp"
#include "scenarios/tree_edit.hpp"

namespace calvo::scenarios {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view sections[] = {"hardware", "truth", "topology", "every_engine",
                                         "measured"};

// Puts the one part of a section that a calibration may speak of.
void take_part(YamlNode& root, const YamlNode& measured, const char* section, const char* part) {
  const YamlNode* from = measured.find(section);
  if (from == nullptr) return;
  for (const YamlNode::Entry& entry : from->entries) {
    if (entry.key != part) {
      throw InputError(entry.value.pos(), std::string(section) + "." + entry.key,
                       "no part of a calibration, which only knows " + std::string(section) + "." +
                           part + "; move it to the scenario");
    }
  }
  const YamlNode* value = from->find(part);
  if (value == nullptr) return;
  YamlNode* to = root.find(section);
  if (to == nullptr) {
    YamlNode empty = *from;
    empty.entries.clear();
    put(root, section, empty);
    to = root.find(section);
  }
  if (to->kind != Kind::map) return;  // its reader will say what is wrong with it
  remove_key(*to, part);
  put(*to, part, *value);
}

}  // namespace

bool lay_calibration(YamlNode& root, const SearchPath& search) {
  if (root.kind != Kind::map || root.find("calibration") == nullptr) return false;
  const FoundFile file = find_file(YamlSection(root), "calibration", search);
  const YamlNode measured = read_yaml_file(file.path);
  for (const YamlNode::Entry& entry : measured.entries) {
    if (std::ranges::find(sections, entry.key) == std::end(sections)) {
      throw InputError(entry.value.pos(), entry.key,
                       "no part of a calibration" + suggestion(entry.key, sections));
    }
  }
  for (const char* whole : {"hardware", "truth"}) {
    if (const YamlNode* value = measured.find(whole)) {
      remove_key(root, whole);
      put(root, whole, *value);
    }
  }
  take_part(root, measured, "topology", "round_trip");
  take_part(root, measured, "every_engine", "costs");
  remove_key(root, "calibration");
  return true;
}

}  // namespace calvo::scenarios
