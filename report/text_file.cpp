#include "report/text_file.hpp"

#include <filesystem>
#include <utility>

#include "core/input_error.hpp"
#include "core/text_file.hpp"

namespace calvo::report {

std::string read_text(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) {
    throw InputError({path, 0, 0}, "", "is missing; run again what should have written it");
  }
  auto text = read_file(path);
  if (!text) throw InputError({path, 0, 0}, "", "cannot be read; check its permissions");
  return *std::move(text);
}

nlohmann::ordered_json read_json(const std::string& path) {
  auto json = nlohmann::ordered_json::parse(read_text(path), nullptr, false);
  if (!json.is_object()) {
    throw InputError({path, 0, 0}, "", "is not a JSON object; run again what wrote it");
  }
  return json;
}

}  // namespace calvo::report
