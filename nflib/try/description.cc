// SPDX-License-Identifier: BSD-3-Clause
#include "nflib/try/description.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/host_region.h"
#include "nflib/module.h"

namespace roost {
namespace {

// The libraries that it names as needed; of a loaded module the loader has put the table's addresses right.
Json libraries_of(const link_map& map) {
  Json names = Json::array();
  const char* strings = nullptr;
  for (const ElfW(Dyn)* entry = map.l_ld; entry->d_tag != DT_NULL; ++entry)
    if (entry->d_tag == DT_STRTAB) strings = reinterpret_cast<const char*>(entry->d_un.d_ptr);
  for (const ElfW(Dyn)* entry = map.l_ld; strings != nullptr && entry->d_tag != DT_NULL; ++entry)
    if (entry->d_tag == DT_NEEDED) names.push_back(strings + entry->d_un.d_val);
  return names;
}

struct BuildId {
  ElfW(Addr) base;
  std::string text;
};

// The linker's fingerprint of the build, if it left one.
int find_build_id(dl_phdr_info* info, size_t, void* to) {
  auto& found = *static_cast<BuildId*>(to);
  if (info->dlpi_addr != found.base) return 0;
  for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const std::byte*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    const std::byte* const end = at + info->dlpi_phdr[i].p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(at);
      const std::byte* const bytes = at + sizeof note + (note.n_namesz + 3) / 4 * 4;
      if (note.n_type == NT_GNU_BUILD_ID && bytes + note.n_descsz <= end)
        for (unsigned k = 0; k < note.n_descsz; ++k) found.text += fmt::format("{:02x}", static_cast<int>(bytes[k]));
      at = bytes + (note.n_descsz + 3) / 4 * 4;
    }
  }
  return 1;
}

}  // namespace

Json describe_module(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) fail_errno("module '{}'", path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) fail_errno("module '{}'", path);
  const Module module(std::move(file), path);
  const ModuleDescriptor& of = module.descriptor();
  Dl_info where{};
  void* extra = nullptr;
  if (dladdr1(&of, &where, &extra, RTLD_DL_LINKMAP) == 0) fail("module '{}': the loader does not know it", path);
  const auto& map = *static_cast<const link_map*>(extra);
  BuildId id{map.l_addr, {}};
  dl_iterate_phdr(find_build_id, &id);
  return {{"path", path},
          {"name", of.name},
          {"abi", of.abi_version},
          {"host_abi", kNfAbiVersion},
          {"nf_bytes", of.nf_bytes},
          {"nf_alignment", of.nf_alignment},
          {"record_bytes", sizeof(NfRecord) + sizeof(NfOrders)},
          {"file_bytes", status.st_size},
          {"build_id", id.text},
          {"libraries", libraries_of(map)}};
}

}  // namespace roost
