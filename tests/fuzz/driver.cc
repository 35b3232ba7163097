// SPDX-License-Identifier: BSD-3-Clause
// driver.cc: fuzz_NAME [--runs N] [--seed N] FILE|FOLDER...: the files as they are, then N mutations of them. What
// ended the program is in crash-input, in the working directory; give that file to try it again.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kBytesMax = 4096;
const Bytes* current = nullptr;

void save_input(int signal) {
  const int file = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file >= 0 && current != nullptr && write(file, current->data(), current->size()) >= 0) close(file);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void run(const Bytes& input) {
  current = &input;
  // Exactly as long as it is: what reads behind it is found by tools that look for that.
  const Bytes copy(input.begin(), input.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

void read_file(const std::filesystem::path& path, std::vector<Bytes>& to) {
  std::ifstream file(path, std::ios::binary);
  to.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

  Bytes next() {
    Bytes bytes = any();
    for (size_t i = 1 + below(6); i != 0; --i) change(bytes);
    if (bytes.size() > kBytesMax) bytes.resize(kBytesMax);
    return bytes;
  }

 private:
  const Bytes& any() { return corpus_[below(corpus_.size())]; }
  size_t below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void change(Bytes& bytes) {
    constexpr uint8_t kTelling[] = {0, 1, 0x7f, 0x80, 0xff, '"', '[', '{', '\n', '='};
    const size_t at = below(bytes.size());
    switch (bytes.empty() ? 3 : below(7)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1 << below(8));
        break;
      case 1:
        bytes[at] = static_cast<uint8_t>(random_());
        break;
      case 2:
        bytes[at] = kTelling[below(std::size(kTelling))];
        break;
      case 3: {
        const uint8_t value = kTelling[below(std::size(kTelling))];
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), 1 + below(4), value);
        break;
      }
      case 4:
        bytes.erase(
            bytes.begin() + static_cast<std::ptrdiff_t>(at),
            bytes.begin() + static_cast<std::ptrdiff_t>(at + below(std::min<size_t>(bytes.size() - at, 64)) + 1));
        break;
      case 5:
        bytes.resize(at);
        break;
      default: {  // a piece of another
        const Bytes& other = any();
        const size_t from = below(other.size());
        const size_t count = below(std::min<size_t>(other.size() - from, 256) + 1);
        const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), begin,
                     begin + static_cast<std::ptrdiff_t>(count));
      }
    }
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 1'000, seed = 1;
  std::vector<Bytes> corpus(1);  // nothing at all comes first
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if ((word == "--runs" || word == "--seed") && i + 1 < argc) {
      (word == "--runs" ? runs : seed) = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::filesystem::is_directory(word)) {
      std::vector<std::filesystem::path> files;
      for (const auto& entry : std::filesystem::directory_iterator(word)) files.push_back(entry.path());
      std::sort(files.begin(), files.end());
      for (const auto& file : files) read_file(file, corpus);
    } else if (std::filesystem::exists(word)) {
      read_file(word, corpus);
    } else {
      std::fprintf(stderr, "%s: no such file or folder: %s\n", argv[0], argv[i]);
      return 2;
    }
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) std::signal(signal, save_input);
  for (const Bytes& input : corpus) run(input);
  Mutator mutator(corpus, seed);
  for (uint64_t i = 0; i < runs; ++i) run(mutator.next());
  std::printf("%zu inputs and %llu mutations of them, seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
