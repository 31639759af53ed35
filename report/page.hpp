#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace calvo::report {

/// The page as one file: `folder`/page.html with the styles and scripts that it names put in, and
/// `model` as compressed text in the place of {{data}}. It needs nothing else to be opened.
/// Throws InputError if a file of the page is missing.
std::string render_page(const std::string& folder, const nlohmann::ordered_json& model);

/// The first bytes of every page, by which one is known.
bool is_page(const std::string& text);

/// Puts `text` at `path`, whole or not at all. Throws InputError if it cannot be written, or if
/// something else than an earlier report stands there.
void write_page(const std::string& path, const std::string& text);

/// gzip, in base64; the same bytes for the same text.
std::string packed(const std::string& text);

}  // namespace calvo::report
