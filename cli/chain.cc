// SPDX-License-Identifier: BSD-3-Clause
// roost chain and roost port: the ways of packets, changed while packets go along them.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

struct ChainOptions {
  std::string name, out;
  std::vector<std::string> services;
};
struct PortOptions {
  std::string name, chain;
  bool no_chain = false;
};

std::string joined(const Json& names, const char* with, const char* none = "-") {
  std::string text;
  for (const Json& name : names)
    text += (text.empty() ? "" : with) + (name.is_string() ? name.get<std::string>() : json_text(name));
  return text.empty() ? none : text;
}

int list_chains(const Invocation& invocation) {
  const Json answer = invocation.connect().call("chains");
  if (invocation.printed_as_json(answer)) return kFine;
  Table table({{"CHAIN"}, {"FROM"}, {"OUT"}, {"WAYS", Table::Align::right}, {"SERVICES"}});
  std::string warnings;
  for (const Json& chain : part_of(answer, "chains")) {
    table.add({text_of(chain, "name"), joined(part_of(chain, "ports"), ", "), text_of(chain, "out"),
               grouped(count_of(chain, "paths")), joined(part_of(chain, "services"), " > ")});
    if (const Json& without = part_of(chain, "services_without_nfs"); !without.empty())
      warnings += fmt::format("chain '{}' drops what comes: no NFs in {}; 'roost spawn' starts some\n",
                              printable(text_of(chain, "name")), printable(joined(without, ", ")));
  }
  fmt::print("{}", table.text());
  if (!warnings.empty()) fmt::print("\n{}", warnings);
  return kFine;
}

int say_chain(const Json& answer, const char* what, const Invocation& invocation) {
  if (invocation.printed_as_json(answer)) return kFine;
  fmt::print("chain '{}' {} {}, out of {}\n", text_of(answer, "name"), what, joined(part_of(answer, "services"), " > "),
             text_of(answer, "out"));
  return kFine;
}

int add_one(const ChainOptions& options, const Invocation& invocation) {
  return say_chain(invocation.connect().call(
                       "chain_add", {{"name", options.name}, {"services", options.services}, {"out", options.out}}),
                   "is there:", invocation);
}

int set_one(const ChainOptions& options, const Invocation& invocation) {
  if (options.services.empty() && options.out.empty())
    throw UsageError("chain set: say what is to change: the services, or --out PORT, or both");
  Json parameters{{"name", options.name}};
  if (!options.services.empty()) parameters["services"] = options.services;
  if (!options.out.empty()) parameters["out"] = options.out;
  return say_chain(invocation.connect().call("chain_set", parameters), "is now", invocation);
}

int delete_one(const ChainOptions& options, const Invocation& invocation) {
  const Json answer = invocation.connect().call("chain_del", {{"name", options.name}});
  if (!invocation.printed_as_json(answer)) fmt::print("chain '{}' is gone\n", options.name);
  return kFine;
}

int list_ports(const Invocation& invocation) {
  const Json answer = invocation.connect().call("ports");
  if (invocation.printed_as_json(answer)) return kFine;
  constexpr auto kRight = Table::Align::right;
  const Json& ports = part_of(answer, "ports");
  const bool loops = count_of(answer, "loops") > 1;
  std::vector<Table::Column> columns{{"PORT"},
                                     {"KIND"},
                                     {"LINK"},
                                     {"CHAIN"},
                                     {"RECEIVED", kRight},
                                     {"TRANSMITTED", kRight},
                                     {"NOT RECEIVED", kRight},
                                     {"NOT SENT", kRight},
                                     {"BYTES IN", kRight},
                                     {"BYTES OUT", kRight}};
  if (loops) columns.insert(columns.begin() + 4, {"IO"});
  Table table(columns);
  for (const Json& port : ports) {
    std::vector<std::string> row{text_of(port, "name"),
                                 text_of(port, "kind"),
                                 port.contains("link") ? text_of(port, "link") : "-",
                                 port.contains("chain") ? text_of(port, "chain") : "-",
                                 grouped(count_of(port, "received")),
                                 grouped(count_of(port, "transmitted")),
                                 grouped(sum_of(part_of(port, "receive_dropped"))),
                                 grouped(count_of(port, "transmit_dropped")),
                                 grouped(count_of(port, "received_bytes")),
                                 grouped(count_of(port, "transmitted_bytes"))};
    if (loops) row.insert(row.begin() + 4, joined(part_of(port, "loops"), ", "));
    table.add(row);
  }
  fmt::print("{}", table.text());
  return kFine;
}

int set_port(const PortOptions& options, const Invocation& invocation) {
  if (options.chain.empty() != options.no_chain) throw UsageError("port set: say --chain CHAIN, or --no-chain");
  Json parameters{{"name", options.name}};
  if (!options.no_chain) parameters["chain"] = options.chain;
  const Json answer = invocation.connect().call("port_set", parameters);
  if (invocation.printed_as_json(answer)) return kFine;
  if (options.no_chain)
    fmt::print("what port '{}' receives is dropped from now on\n", options.name);
  else
    fmt::print("what port '{}' receives goes by chain '{}'\n", options.name, options.chain);
  return kFine;
}

}  // namespace

void add_chain(Command& program, Invocation& invocation) {
  Command& chain = program.add("chain", "list, add, change and remove chains, while packets go through them");
  chain.examples(
      "  roost chain list\n"
      "  roost chain add web firewall counter --out uplink\n"
      "  roost chain set web firewall ids counter\n"
      "  roost chain del web");
  Command& list = add_command(chain, invocation, "list", "list chains, and which ports' packets go by them",
                              "  roost chain list\n"
                              "  roost chain list --json | jq '.chains[].name'");
  add_json_flag(list, invocation);
  list.runs([&] { return list_chains(invocation); });

  Command& add = add_command(chain, invocation, "add", "declare a chain",
                             "  roost chain add web firewall counter --out uplink\n"
                             "  roost port set lan --chain web          what lan receives goes by it then");
  auto& added = add.keep<ChainOptions>();
  add.positional("name", added.name, "of the new chain").required();
  add.positional("service", added.services, "the services that its packets visit, in this order").required();
  add.option("--out", added.out, "the port that they leave by").required();
  add_json_flag(add, invocation);
  add.runs([&] { return add_one(added, invocation); });

  Command& set = add_command(chain, invocation, "set", "change a chain; its flows keep the NFs that they still visit",
                             "  roost chain set web firewall ids counter\n"
                             "  roost chain set web --out backup");
  auto& changed = set.keep<ChainOptions>();
  set.positional("name", changed.name, "the chain").required();
  set.positional("service", changed.services, "the services that its packets visit from now on, in this order");
  set.option("--out", changed.out, "the port that they leave by from now on");
  add_json_flag(set, invocation);
  set.runs([&] { return set_one(changed, invocation); });

  Command& del = add_command(chain, invocation, "del", "remove a chain that no port's packets go by",
                             "  roost port set lan --no-chain\n"
                             "  roost chain del web");
  auto& gone = del.keep<ChainOptions>();
  del.positional("name", gone.name, "the chain").required();
  add_json_flag(del, invocation);
  del.runs([&] { return delete_one(gone, invocation); });
}

void add_port(Command& program, Invocation& invocation) {
  Command& port = program.add("port", "list ports, and say which chain their packets go by");
  port.examples(
      "  roost port list\n"
      "  roost port set lan --chain web");
  Command& list = add_command(port, invocation, "list", "list ports: their links, chains and counters",
                              "  roost port list\n"
                              "  roost port list --json | jq '.ports[] | select(.link == \"down\")'");
  add_json_flag(list, invocation);
  list.runs([&] { return list_ports(invocation); });

  Command& set = add_command(port, invocation, "set", "say which chain a port's packets go by, from now on",
                             "  roost port set lan --chain web\n"
                             "  roost port set lan --no-chain           what it receives is dropped, and counted");
  auto& options = set.keep<PortOptions>();
  set.positional("name", options.name, "the port").required();
  set.option("--chain", options.chain, "the chain");
  set.flag("--no-chain", options.no_chain, "none: what it receives is dropped");
  add_json_flag(set, invocation);
  set.runs([&] { return set_port(options, invocation); });
}

}  // namespace roost::cli
