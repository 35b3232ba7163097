// SPDX-License-Identifier: BSD-3-Clause
// As a module looks that was built against a later nf.h.
#include <roost/nf.h>

extern "C" __attribute__((visibility("default"))) const roost::ModuleDescriptor roost_module;
const roost::ModuleDescriptor roost_module{roost::kModuleMagic, roost::kNfAbiVersion + 41, "Late", 8, 8, nullptr};
