// SPDX-License-Identifier: BSD-3-Clause
// The chains of a data loop. Whoever names a chain (a port, a rule) does so by a number that stays; what the chain is
// can change between two packets: it then has another definition, and the one before stays until no flow and no packet
// goes by it any more, so that what is on its way arrives as it set out. Paths are of definitions. The loop's thread
// owns it; of several loops, each reads it, and it changes only while all of them stand still.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/path_table.h"

namespace roost {

struct ChainState {
  std::string name;
  std::vector<uint16_t> services;
  uint16_t out_port = 0;
};

class ChainTable {
 public:
  static constexpr uint32_t kChainsMax = 32'768;  // and as many definitions: paths hold 15 bits

  // Chain i is number i.
  explicit ChainTable(std::vector<ChainState> chains);
  void use(const PathTable& paths) { paths_.push_back(&paths); }  // each loop's; they outlive all changes

  uint16_t definition(uint16_t chain) const noexcept { return now_[chain]; }
  const ChainState& operator[](uint16_t definition) const noexcept { return definitions_[definition]; }
  // Ways through the chain that flows use or packets may be on, those of its earlier definitions left out.
  uint32_t paths(uint16_t chain) const noexcept { return paths_of(now_[chain]); }

  // Both throw Error where there are too many, with nothing changed.
  uint16_t add(ChainState chain);
  void change(uint16_t chain, ChainState to);
  void remove(uint16_t chain);  // nobody names it any more

 private:
  uint16_t define(ChainState chain);
  uint32_t paths_of(uint16_t definition) const noexcept;

  std::vector<const PathTable*> paths_;
  std::vector<ChainState> definitions_;
  std::vector<uint16_t> now_;      // by number: the chain's definition
  std::vector<uint16_t> removed_;  // numbers to be used again
  std::vector<uint16_t> retired_;  // definitions to be used again once no path is of them
};

}  // namespace roost
