// Numbers and texts to bytes and back: little endian, no casts of memory, every read checked.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace calvo::realrun {

using Bytestring = std::vector<std::byte>;

/// Appends to a string of bytes.
class ByteWriter {
public:
  explicit ByteWriter(Bytestring& out) : out_(out) {}

  template <std::integral Number>
  void number(Number value) {
    auto bits = static_cast<std::make_unsigned_t<Number>>(value);
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      out_.push_back(static_cast<std::byte>(bits & 0xffU));
      bits = static_cast<std::make_unsigned_t<Number>>(bits >> 4U >> 4U);
    }
  }
  void raw(std::span<const std::byte> bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  /// A 16-bit length and as many bytes; what is longer is cut.
  void text(std::string_view text) {
    const std::string_view kept = text.substr(0, 0xffff);
    number(static_cast<std::uint16_t>(kept.size()));
    for (const char c : kept) out_.push_back(static_cast<std::byte>(c));
  }

private:
  Bytestring& out_;
};

/// Takes from the front of bytes that a stranger has sent. A read beyond the end gives zeros and
/// makes `complete()` false for good; nothing is allocated before it is known to be there.
class ByteReader {
public:
  explicit ByteReader(std::span<const std::byte> bytes) : left_(bytes) {}

  template <std::integral Number>
  Number number() {
    std::make_unsigned_t<Number> bits = 0;
    const std::span<const std::byte> bytes = raw(sizeof(Number));
    for (std::size_t i = bytes.size(); i-- > 0;) {
      bits = static_cast<std::make_unsigned_t<Number>>(bits << 4U << 4U);
      bits = static_cast<std::make_unsigned_t<Number>>(bits | std::to_integer<unsigned>(bytes[i]));
    }
    return static_cast<Number>(bits);
  }
  /// Empty if there are fewer.
  std::span<const std::byte> raw(std::size_t count) {
    if (count > left_.size()) {
      fail();
      return {};
    }
    const std::span<const std::byte> bytes = left_.first(count);
    left_ = left_.subspan(count);
    return bytes;
  }
  /// Fills `to` or nothing of it.
  void raw_into(std::span<std::byte> to) { std::ranges::copy(raw(to.size()), to.begin()); }
  std::string text() {
    const std::span<const std::byte> bytes = raw(number<std::uint16_t>());
    std::string text;
    for (const std::byte b : bytes) text.push_back(static_cast<char>(b));
    return text;
  }

  void fail() {
    failed_ = true;
    left_ = {};
  }
  std::size_t left() const { return left_.size(); }
  /// Everything was there and everything was read.
  bool complete() const { return !failed_ && left_.empty(); }

private:
  std::span<const std::byte> left_;
  bool failed_ = false;
};

/// `text` with everything but printable ASCII as '?', so that a peer cannot write to a terminal.
inline std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace calvo::realrun
