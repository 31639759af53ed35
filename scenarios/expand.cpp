#include "scenarios/expand.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/suggest.hpp"
#include "scenarios/engine_forms.hpp"
#include "scenarios/model_forms.hpp"
#include "scenarios/tree_edit.hpp"

namespace calvo::scenarios {
namespace {

namespace fs = std::filesystem;
using Kind = YamlNode::Kind;

constexpr int deepest_base = 16;

// Something that finds the mapping of a name, and knows all names.
class Shelf {
public:
  virtual ~Shelf() = default;
  virtual std::string what() const = 0;
  virtual std::vector<std::string> names() const = 0;
  virtual YamlNode get(const std::string& name) const = 0;

  [[noreturn]] void unknown(const YamlNode& node, const std::string& path) const {
    throw InputError(
        node.pos(), path,
        "unknown " + what() + " \"" + node.text + "\"" + suggestion(node.text, names()));
  }
};

// Sections of a catalogue file; an empty section name is the whole file.
class CatalogueShelf final : public Shelf {
public:
  CatalogueShelf(std::string what, const YamlNode& file, std::vector<std::string> sections)
      : what_(std::move(what)) {
    for (const std::string& section : sections) {
      const YamlNode* map = section.empty() ? &file : file.find(section);
      if (map != nullptr) maps_.push_back(map);
    }
  }
  std::string what() const override { return what_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const YamlNode* map : maps_) {
      for (const YamlNode::Entry& entry : map->entries) result.push_back(entry.key);
    }
    return result;
  }
  YamlNode get(const std::string& name) const override {
    for (const YamlNode* map : maps_) {
      if (const YamlNode* found = map->find(name)) return *found;
    }
    return {};
  }

private:
  std::string what_;
  std::vector<const YamlNode*> maps_;
};

class EngineShelf final : public Shelf {
public:
  explicit EngineShelf(const SearchPath& search) : rows_(list_engines(search)) {}
  std::string what() const override { return "engine"; }
  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const EngineRow& row : rows_) result.push_back(row.name);
    return result;
  }
  YamlNode get(const std::string& name) const override {
    for (const EngineRow& row : rows_) {
      if (row.name != name) continue;
      YamlNode engine = read_yaml_file(row.file);
      write_out(engine);
      return engine;
    }
    return {};
  }

private:
  std::vector<EngineRow> rows_;
};

// The mapping that `name` (a scalar) stands for, its own bases expanded.
YamlNode look_up(const YamlNode& name, const std::string& path, const Shelf& shelf, int depth) {
  if (name.kind != Kind::scalar) {
    throw InputError(name.pos(), path, "the name of a " + shelf.what() + " is expected");
  }
  const std::vector<std::string> names = shelf.names();
  if (std::ranges::find(names, name.text) == names.end()) shelf.unknown(name, path);
  if (depth > deepest_base) {
    throw InputError(name.pos(), path, "its bases are more than 16 deep; does one name itself?");
  }
  YamlNode found = shelf.get(name.text);
  if (YamlNode* base = found.find("base")) {
    YamlNode under = look_up(*base, path + ".base", shelf, depth + 1);
    remove_key(found, "base");
    lay_over(under, found);
    found = std::move(under);
  }
  set_default(found, "name", name.text);
  return found;
}

// A name, or a mapping that may have a base, becomes a mapping without base.
void expand(YamlNode& node, const std::string& path, const Shelf& shelf) {
  if (node.kind == Kind::scalar) {
    YamlNode found = look_up(node, path, shelf, 0);
    found.file = node.file;
    found.line = node.line;
    found.column = node.column;
    node = std::move(found);
  } else if (YamlNode* base = node.kind == Kind::map ? node.find("base") : nullptr) {
    YamlNode under = look_up(*base, path + ".base", shelf, 0);
    remove_key(node, "base");
    under.file = node.file;
    under.line = node.line;
    under.column = node.column;
    lay_over(under, node);
    node = std::move(under);
  }
}

// From below: the engine's base, what the scenario says of every engine, what it says of this one.
void expand_engine(YamlNode& root, const SearchPath& search) {
  set_default(root, "engine", "calvo");
  YamlNode& engine = *root.find("engine");
  if (engine.kind == Kind::scalar) {
    const YamlNode name = engine;
    engine.text.clear();
    put(engine, "base", name);
    set_default(engine, "name", name.text);
  }
  if (engine.kind != Kind::map) return;
  set_default(engine, "base", "calvo");
  name_changes(engine);
  write_out(engine);

  const EngineShelf shelf(search);
  const bool bare = engine.entries.size() == 2;  // base and name: an error is about the name
  YamlNode under = look_up(*engine.find("base"), bare ? "engine" : "engine.base", shelf, 0);
  if (YamlNode* every = root.find("every_engine")) {
    if (every->kind != Kind::map) {
      throw InputError(every->pos(), "every_engine",
                       "a mapping like \"decode: false\" is expected");
    }
    for (const char* key : {"base", "name"}) {
      if (const YamlNode* value = every->find(key)) {
        throw InputError(value->pos(), std::string("every_engine.") + key,
                         "belongs to one engine; move it to \"engine\"");
      }
    }
    write_out(*every);
    lay_over(under, *every);
  }
  remove_key(engine, "base");
  under.file = engine.file;
  under.line = engine.line;
  under.column = engine.column;
  lay_over(under, engine);
  engine = std::move(under);
  remove_key(root, "every_engine");
}

// A DRAM is a rate, "unlimited" or a name of the catalogue.
void expand_dram(YamlNode* node, const std::string& path, const Shelf& shelf) {
  if (node == nullptr || node->kind != Kind::scalar || node->text.empty()) return;
  const char first = node->text.front();
  const bool word = std::isalpha(static_cast<unsigned char>(first)) != 0 && first != 'i';
  if (!word || node->text == "unlimited" || node->text == "nan") return;
  YamlNode entry = look_up(*node, path, shelf, 0);
  if (const YamlNode* rate = entry.find("bandwidth")) *node = *rate;
}

void expand_hardware(YamlNode& hardware, const YamlNode& catalogue) {
  if (YamlNode* gpu = hardware.find("gpu")) {
    expand(*gpu, "hardware.gpu", CatalogueShelf("GPU", catalogue, {"gpus"}));
    if (YamlNode* pcie = gpu->kind == Kind::map ? gpu->find("pcie") : nullptr) {
      expand(*pcie, "hardware.gpu.pcie", CatalogueShelf("PCIe lane", catalogue, {"pcie"}));
    }
  }
  for (const char* key : {"nic", "serving_nic", "storage_nic"}) {
    if (YamlNode* nic = hardware.find(key)) {
      std::vector<std::string> sections = {"nics"};
      if (std::string_view(key) == "storage_nic") sections.emplace_back("storage");
      expand(*nic, std::string("hardware.") + key, CatalogueShelf("NIC", catalogue, sections));
    }
  }
  for (const char* key : {"host_dram", "storage_dram"}) {
    expand_dram(hardware.find(key), std::string("hardware.") + key,
                CatalogueShelf("DRAM", catalogue, {"host_dram"}));
  }
}

}  // namespace

std::vector<EngineRow> list_engines(const SearchPath& search) {
  std::vector<EngineRow> rows;
  for (const std::string& root : search.roots) {
    std::error_code code;
    for (const auto& file :
         fs::directory_iterator(fs::path(root) / "scenarios" / "engines", code)) {
      if (file.path().extension() != ".yaml") continue;
      const std::string name = file.path().stem().string();
      if (std::ranges::find(rows, name, &EngineRow::name) != rows.end()) continue;
      const YamlNode tree = read_yaml_file(file.path().string());
      const YamlNode* description = tree.find("description");
      rows.push_back({name, description == nullptr ? "" : description->text, file.path().string()});
    }
  }
  std::ranges::sort(rows, {}, &EngineRow::name);
  return rows;
}

std::string catalogue_folder(const SearchPath& search) {
  const std::string file = find_in_roots("scenarios/catalogue/hardware.yaml", search);
  if (file.empty()) {
    std::string searched;
    for (const std::string& root : search.roots) searched += (searched.empty() ? "" : ", ") + root;
    throw InputError({"scenarios/catalogue/hardware.yaml", 0, 0}, "",
                     "no such file in any data folder (" +
                         (searched.empty() ? std::string("there is none") : searched) +
                         "); set CALVO_DATA to the folder that holds scenarios/ and data/");
  }
  return fs::path(file).parent_path().string();
}

void expand_names(YamlNode& root, const SearchPath& search) {
  if (root.kind != Kind::map) return;
  const std::string folder = catalogue_folder(search);
  expand_engine(root, search);
  if (YamlNode* model = root.find("model")) {
    const YamlNode catalogue = read_yaml_file(folder + "/models.yaml");
    const CatalogueShelf shelf("model", catalogue, {""});
    const YamlNode* base = model->kind == Kind::map ? model->find("base") : nullptr;
    if (base != nullptr) scale_layers(*model, look_up(*base, "model.base", shelf, 0));
    expand(*model, "model", shelf);
  }
  if (YamlNode* hardware = root.find("hardware"); hardware && hardware->kind == Kind::map) {
    const YamlNode catalogue = read_yaml_file(folder + "/hardware.yaml");
    expand_hardware(*hardware, catalogue);
  }
}

}  // namespace calvo::scenarios
