#include "realrun/wire/secret.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/input_error.hpp"

namespace calvo::realrun {
namespace {

class SecretFile : public ::testing::Test {
protected:
  SecretFile()
      : folder_(std::filesystem::temp_directory_path() /
                ("calvo_secret_" + std::to_string(::getpid()) + "_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~SecretFile() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return (folder_ / "key").string(); }
  void write(std::size_t bytes, mode_t mode) const {
    std::ofstream(path(), std::ios::binary) << std::string(bytes, 'k');
    ::chmod(path().c_str(), mode);
  }
  std::string error() const {
    try {
      read_key_file(path());
    } catch (const InputError& wrong) {
      return wrong.what();
    }
    return "none";
  }

private:
  std::filesystem::path folder_;
};

TEST_F(SecretFile, AKeyThatWasMadeCanBeReadByItsOwnerOnly) {
  make_key_file(path());
  EXPECT_EQ(read_key_file(path()).size(), 32U);
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SecretFile, TwoKeysDiffer) {
  make_key_file(path());
  const Bytestring one = read_key_file(path());
  std::filesystem::remove(path());
  make_key_file(path());
  EXPECT_NE(one, read_key_file(path()));
}

TEST_F(SecretFile, AFileThatIsThereIsNotOverwritten) {
  write(20, 0600);
  try {
    make_key_file(path());
    FAIL() << "it was";
  } catch (const InputError& wrong) {
    EXPECT_EQ(std::string(wrong.what()),
              path() +
                  ":0:0: there is such a file already, and it is not overwritten; give another "
                  "name or remove it");
  }
  EXPECT_EQ(read_key_file(path()).size(), 20U);
}

TEST_F(SecretFile, SizesFrom16BytesTo4KiBAreKeys) {
  for (const std::size_t size : {16U, 4096U}) {
    write(size, 0640);
    EXPECT_EQ(read_key_file(path()).size(), size);
  }
  write(15, 0600);
  EXPECT_EQ(error(), path() +
                         ":0:0: a key has 16 to 4096 bytes, this file 15; make one with calvo "
                         "kvnode --make-key FILE");
  write(4097, 0600);
  EXPECT_EQ(error(), path() +
                         ":0:0: a key has 16 to 4096 bytes, this file more than 4096; make one "
                         "with calvo kvnode --make-key FILE");
}

TEST_F(SecretFile, WhatEverybodyCanReadIsNoSecret) {
  write(32, 0644);
  EXPECT_EQ(error(), path() + ":0:0: everybody on this machine can read the key; run chmod 600 " +
                         path() + ", and make a new one if others may have seen it");
}

TEST_F(SecretFile, WhatOthersCanWriteIsNoSecret) {
  const std::string remedy =
      "run chmod 600 " + path() + ", and make a new one if others may have written it";
  write(32, 0602);
  EXPECT_EQ(error(), path() + ":0:0: everybody on this machine can write the key; " + remedy);
  write(32, 0660);
  EXPECT_EQ(error(), path() + ":0:0: the file's group can write the key; " + remedy);
}

TEST_F(SecretFile, AMissingOneSaysHowToMakeIt) {
  EXPECT_EQ(error(), path() +
                         ":0:0: cannot read the key: No such file or directory; make one with "
                         "calvo kvnode --make-key " +
                         path() + " and copy it to the other machines");
}

TEST_F(SecretFile, AFolderIsNone) {
  std::filesystem::create_directory(path());
  EXPECT_EQ(error(), path() + ":0:0: not a file; a key file is a regular file of 16 bytes or more");
}

TEST(IsLoopback, KnowsThisMachine) {
  for (const char* host : {"127.0.0.1", "127.255.0.9", "::1", "localhost"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "example.org", "", "127.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace calvo::realrun
