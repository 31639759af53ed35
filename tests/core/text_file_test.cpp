#include "core/text_file.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace calvo {
namespace {

class TextFile : public ::testing::Test {
protected:
  TextFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "text_file_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~TextFile() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& text) const {
    std::ofstream(folder_ / "file", std::ios::binary) << text;
    return folder_ / "file";
  }

  std::filesystem::path folder_;
};

std::string text_of(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(i * i / 7);
  return text;
}

TEST_F(TextFile, IsReadWholeWhateverItsSize) {
  for (const std::size_t bytes : {0, 1, 65'535, 65'536, 65'537, 200'000}) {
    EXPECT_EQ(read_file(file(text_of(bytes))), text_of(bytes)) << bytes;
  }
}

TEST_F(TextFile, IsReadAsFarAsOneWantsIt) {
  for (const std::size_t most : {0, 1, 65'536, 99'999}) {
    EXPECT_EQ(read_file(file(text_of(100'000)), most), text_of(100'000).substr(0, most)) << most;
  }
  EXPECT_EQ(read_file(file("short"), 100), "short");
  EXPECT_EQ(read_file("/dev/zero", 100'000), std::string(100'000, '\0')) << "it has no end";
}

TEST_F(TextFile, ThatCannotBeReadIsNone) {
  EXPECT_EQ(read_file(folder_ / "missing"), std::nullopt);
  EXPECT_EQ(read_file(folder_), std::nullopt) << "a directory";
}

}  // namespace
}  // namespace calvo
