// SPDX-License-Identifier: BSD-3-Clause
// start() throws in the NF whose id the configuration names; counts in a file how many were made and destroyed.
#include <roost/config.h>
#include <roost/nf.h>

#include <cstdio>
#include <stdexcept>
#include <string>

class Fussy final : public roost::Nf {
 public:
  ~Fussy() override { note('-'); }
  void start(roost::Context& context) override {
    const roost::Config config(context.config());
    file_ = config.text("log").value();
    note('+');
    context.reserve_packets(7);
    if (config.number("throws", 0, UINT32_MAX) == context.nf_id()) throw std::runtime_error("not in the mood\xff");
  }
  void process(roost::Burst&) noexcept override {}

 private:
  void note(char what) const {
    if (file_.empty()) return;
    if (FILE* file = std::fopen(file_.c_str(), "ae")) {
      std::fputc(what, file);
      std::fclose(file);
    }
  }
  std::string file_;
};
ROOST_NF(Fussy)
