#include "report/page.hpp"

#include <filesystem>
#include <fstream>
#include <regex>
#include <string_view>

#include <zlib.h>

#include "analysis/output_file.hpp"
#include "core/contract.hpp"
#include "core/input_error.hpp"
#include "report/text_file.hpp"

namespace calvo::report {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view page_start = "<!doctype html>\n<!-- calvo report -->";

std::string compressed(const std::string& text) {
  z_stream stream{};
  constexpr int gzip = 15 + 16;
  CALVO_ENSURE(deflateInit2(&stream, 9, Z_DEFLATED, gzip, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // is not written to
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  CALVO_ENSURE(done == Z_STREAM_END);
  return out;
}

std::string base64(const std::string& bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (int shift = 18; shift >= 0; shift -= 6) out += digits[group >> shift & 63U];
  }
  for (std::size_t i = bytes.size() % 3; i != 0 && i < 3; ++i) out[out.size() - (3 - i)] = '=';
  return out;
}

/// So that a script cannot end the element that it stands in.
std::string harmless(const std::string& script) {
  static const std::regex end("</(script)", std::regex::icase);
  return std::regex_replace(script, end, "<\\/$1");
}

/// Replaces each match of `pattern` by what `put` makes of its first group.
template <class Put>
std::string replaced(const std::string& text, const std::regex& pattern, Put put) {
  std::string out;
  auto last = text.cbegin();
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match) {
    out.append(last, (*match)[0].first);
    out += put((*match)[1].str());
    last = (*match)[0].second;
  }
  out.append(last, text.cend());
  return out;
}

}  // namespace

std::string packed(const std::string& text) {
  return base64(compressed(text));
}

std::string render_page(const std::string& folder, const nlohmann::ordered_json& model) {
  const auto file = [&](const std::string& name) {
    return read_text((fs::path(folder) / name).string());
  };
  static const std::regex style(R"re(<link rel="stylesheet" href="([^"]+)">)re");
  static const std::regex script(R"re(<script src="([^"]+)"></script>)re");
  static const std::regex data(R"re((\{\{data\}\}))re");
  std::string page = file("page.html");
  page = replaced(page, data, [&](const std::string&) { return packed(model.dump()); });
  page = replaced(page, style,
                  [&](const std::string& name) { return "<style>\n" + file(name) + "</style>"; });
  page = replaced(page, script, [&](const std::string& name) {
    return "<script>\n" + harmless(file(name)) + "</script>";
  });
  CALVO_ENSURE(is_page(page));
  return page;
}

bool is_page(const std::string& text) {
  return text.starts_with(page_start);
}

void write_page(const std::string& path, const std::string& text) {
  if (fs::is_directory(path)) {
    throw InputError({path, 0, 0}, "--out", "is a directory; name a file in it");
  }
  if (fs::exists(path)) {
    std::ifstream stream(path, std::ios::binary);
    std::string start(page_start.size(), '\0');
    stream.read(start.data(), static_cast<std::streamsize>(start.size()));
    if (!is_page(start)) {
      throw InputError({path, 0, 0}, "--out", "exists and is no report; choose another name");
    }
  }
  analysis::write_file(path, text);
}

}  // namespace calvo::report
