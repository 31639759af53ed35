#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace calvo::report {

/// The content of a file. Throws InputError if it is missing or cannot be read.
std::string read_text(const std::string& path);

/// Throws InputError, also if the file is not a JSON object.
nlohmann::ordered_json read_json(const std::string& path);

}  // namespace calvo::report
