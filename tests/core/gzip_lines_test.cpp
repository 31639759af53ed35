#include "core/gzip_lines.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

namespace calvo {
namespace {

class LineReaderTest : public ::testing::Test {
protected:
  std::string file_ = ::testing::TempDir() + "calvo_lines_" + std::to_string(::getpid());
  ~LineReaderTest() override { std::filesystem::remove(file_); }

  void write(const std::string& text) { std::ofstream(file_, std::ios::binary) << text; }
  void write_gzip(const std::string& text) {
    gzFile stream = gzopen(file_.c_str(), "wb");
    gzwrite(stream, text.data(), static_cast<unsigned>(text.size()));
    gzclose(stream);
  }
  std::vector<std::string> lines() {
    LineReader reader(file_);
    std::vector<std::string> result;
    while (reader.next()) {
      result.emplace_back(reader.line());
      EXPECT_EQ(reader.number(), std::ssize(result));
    }
    return result;
  }
  std::string error() {
    try {
      lines();
    } catch (const InputError& caught) {
      return std::string(caught.what()).substr(file_.size());
    }
    return "no error";
  }
};

using Lines = std::vector<std::string>;

TEST_F(LineReaderTest, SplitsAtNewlinesWithOrWithoutTheLast) {
  write("a\nbc\r\n\nd");
  EXPECT_EQ(lines(), (Lines{"a", "bc", "", "d"}));
  write("a\n");
  EXPECT_EQ(lines(), Lines{"a"});
  write("");
  EXPECT_EQ(lines(), Lines{});
}

TEST_F(LineReaderTest, ReadsGzipLikePlainText) {
  write_gzip("a\nb\n");
  EXPECT_EQ(lines(), (Lines{"a", "b"}));
}

TEST_F(LineReaderTest, ReadsLinesLongerThanItsBuffer) {
  const std::string longest(1'000'000, 'x');
  write_gzip("a\n" + longest + "\nb\n");
  EXPECT_EQ(lines(), (Lines{"a", longest, "b"}));
}

TEST_F(LineReaderTest, PointsIntoTheLine) {
  write("abc\ndef\n");
  LineReader reader(file_);
  reader.next();
  reader.next();
  EXPECT_EQ(reader.pos(2).line, 2);
  EXPECT_EQ(reader.pos(2).column, 3);
}

TEST_F(LineReaderTest, NoticesAGzipCutAtAnyByte) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += std::to_string(i * i) + "\n";
  write_gzip(text);
  const auto size = std::filesystem::file_size(file_);
  for (std::uintmax_t keep = 20; keep < size; keep += 5) {
    write_gzip(text);
    std::filesystem::resize_file(file_, keep);
    ASSERT_EQ(error(), ":0:0: gzip cut short; copy or download the file again") << keep;
  }
}

TEST_F(LineReaderTest, NoticesADamagedGzip) {
  write_gzip("some text to damage\n");
  std::fstream stream(file_, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(-6, std::ios::end);  // inside the checksum
  stream.put('!');
  stream.close();
  EXPECT_EQ(error(),
            ":0:0: cannot be read (incorrect data check); copy or download the file again");
}

}  // namespace
}  // namespace calvo
