// SPDX-License-Identifier: BSD-3-Clause
// A shared object that is no NF module.
extern "C" __attribute__((visibility("default"))) int answer() { return 42; }
