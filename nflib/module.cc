// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace roost {
namespace {

template <typename T>
bool read_at(int fd, uint64_t at, T& to) {
  return pread(fd, &to, sizeof to, static_cast<off_t>(at)) == ssize_t{sizeof to};
}

// The loader maps what the headers promise; of a file cut short it would touch pages that aren't there.
void check_elf(int fd, const std::string& path) {
  struct stat status {};
  Elf64_Ehdr header{};
  if (fstat(fd, &status) != 0) fail_errno("module '{}': cannot read it", path);
  if (!read_at(fd, 0, header) || std::string_view(reinterpret_cast<char*>(header.e_ident), SELFMAG) != ELFMAG ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN || header.e_machine != EM_X86_64)
    fail("module '{}': is not a shared object (64-bit x86 ELF); build it with roost_add_nf", path);
  const auto bytes = static_cast<uint64_t>(status.st_size);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    const bool there =
        header.e_phentsize == sizeof segment && read_at(fd, header.e_phoff + i * sizeof segment, segment);
    if (!there || segment.p_offset > bytes || segment.p_filesz > bytes - segment.p_offset)
      fail("module '{}': is cut short ({} bytes); build or copy it again", path, bytes);
  }
}

std::string loader_says(const std::string& name, const std::string& path) {
  const char* const said = dlerror();
  std::string text = said != nullptr ? said : "unknown error";
  for (size_t at; (at = text.find(name)) != std::string::npos;) text.replace(at, name.size(), path);
  return text;
}

void check_descriptor(const ModuleDescriptor& descriptor, const std::string& path) {
  if (descriptor.magic != kModuleMagic)
    fail("module '{}': what it exports as roost_module is not a module descriptor; write ROOST_NF(Class) in it", path);
  if (descriptor.abi_version != kNfAbiVersion)
    fail("module '{}': built against version {} of roost/nf.h, this host has version {}; build it again", path,
         descriptor.abi_version, kNfAbiVersion);
  if (descriptor.nf_bytes == 0 || !std::has_single_bit(descriptor.nf_alignment) || descriptor.construct == nullptr ||
      descriptor.name == nullptr)
    fail("module '{}': its descriptor is damaged; write it with ROOST_NF(Class)", path);
}

}  // namespace

Module::Module(FileDescriptor file, const std::string& path) : file_(std::move(file)), path_(path) {
  check_elf(file_.get(), path);
  const std::string name = fmt::format("/proc/self/fd/{}", file_.get());
  library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) fail("module '{}': cannot be loaded: {}", path, loader_says(name, path));
  try {
    descriptor_ = static_cast<const ModuleDescriptor*>(dlsym(library_, "roost_module"));
    if (descriptor_ == nullptr) fail("'{}' is not a Roost NF module; build it with roost_add_nf", path);
    check_descriptor(*descriptor_, path);
  } catch (...) {
    dlclose(library_);
    throw;
  }
}

Module::~Module() { dlclose(library_); }

}  // namespace roost
