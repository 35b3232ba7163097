// SPDX-License-Identifier: BSD-3-Clause
// roost rule: which packets go where. `add`, `del`, `list` and `show`.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/nf_ranges.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

constexpr uint32_t kRulesPage = 1'000;

struct AddOptions {
  std::vector<std::string> words;
  std::string file;
  std::string replace;
  bool replace_all = false;
};
struct DelOptions {
  std::vector<std::string> ids;
  bool all = false;
};
struct ListOptions {
  uint32_t limit = 0;  // all
};

// One a line; what follows a # is a comment.
std::vector<std::string> rules_in(std::istream& lines) {
  std::vector<std::string> rules;
  for (std::string line; std::getline(lines, line);) {
    line.erase(std::min(line.find('#'), line.size()));
    if (line.find_first_not_of(" \t\r") != std::string::npos) rules.push_back(line);
  }
  return rules;
}

std::vector<std::string> rules_of(const AddOptions& options) {
  if (options.file.empty() == options.words.empty())
    throw UsageError("rule add: give one rule, or --file; see 'roost rule add --help'");
  if (!options.words.empty()) {
    std::string rule;
    for (const auto& word : options.words) rule += (rule.empty() ? "" : " ") + word;
    return {rule};
  }
  std::vector<std::string> rules;
  if (options.file == "-") {
    rules = rules_in(std::cin);
  } else {
    std::ifstream file(options.file);
    if (!file) throw UsageError(fmt::format("rule add: cannot read '{}'", options.file));
    rules = rules_in(file);
  }
  if (rules.empty()) throw UsageError(fmt::format("rule add: there is no rule in '{}'", options.file));
  return rules;
}

// "17,20-29": an option whose value is one word, since a rule may follow.
std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t from = 0; from <= list.size();) {
    const size_t comma = std::min(list.find(',', from), list.size());
    parts.push_back(list.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

int add(const AddOptions& options, const Invocation& invocation) {
  Json parameters = {{"rules", rules_of(options)}};
  if (!options.replace.empty())
    parameters["replace"] = numbers_of("rule add", parts_of(options.replace), "--replace-all", "rule");
  if (options.replace_all) parameters["replace_all"] = true;
  const Json answer = invocation.connect().call("rule_add", parameters);
  if (invocation.printed_as_json(answer)) return kFine;
  const uint64_t first = count_of(answer, "first"), count = count_of(answer, "count");
  if (count == 1)
    fmt::print("rule {} added", first);
  else
    fmt::print("rules {} to {} added", first, first + count - 1);
  if (const uint64_t removed = count_of(answer, "removed"); removed != 0) fmt::print(", {} removed", grouped(removed));
  fmt::print("\n");
  for (const Json& warning : part_of(answer, "warnings"))
    if (warning.is_string()) fmt::print(stderr, "roost: warning: {}\n", printable(warning.get<std::string>()));
  return kFine;
}

int del(const DelOptions& options, const Invocation& invocation) {
  if (options.all != options.ids.empty()) throw UsageError("rule del: say which: numbers, or --all");
  Json parameters = Json::object();
  if (options.all)
    parameters["all"] = true;
  else
    parameters["ids"] = numbers_of("rule del", options.ids, "--all", "rule");
  const Json answer = invocation.connect().call("rule_del", parameters);
  if (invocation.printed_as_json(answer)) return kFine;
  const uint64_t removed = count_of(answer, "removed");
  fmt::print("{} rule{} removed, {} left\n", grouped(removed), removed == 1 ? "" : "s",
             grouped(count_of(answer, "total")));
  return kFine;
}

// All of them, a page after the other: rules may come and go between two.
Json all_rules(Client& client, uint32_t limit) {
  Json all;
  for (;;) {
    const uint64_t have = all.is_null() ? 0 : all["rules"].size();
    const auto want = static_cast<uint32_t>(limit == 0 ? kRulesPage : std::min<uint64_t>(kRulesPage, limit - have));
    Json parameters = {{"limit", want}};
    if (have != 0) parameters["after"] = count_of(all["rules"].back(), "id");
    Json page = client.call("rule_list", parameters);
    const size_t came = part_of(page, "rules").size();
    if (all.is_null()) {
      all = std::move(page);
      if (!all.is_object() || !all["rules"].is_array()) fail("rule_list: the answer has no rules in it");
    } else {
      for (const Json& rule : part_of(page, "rules")) all["rules"].push_back(rule);
    }
    if (came < want || (limit != 0 && all["rules"].size() >= limit)) return all;
  }
}

std::string age_text(double seconds) {
  const auto s = static_cast<uint64_t>(std::max(0.0, seconds));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3'600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return s < 86'400 ? fmt::format("{}h{:02}m", s / 3'600, s / 60 % 60)
                    : fmt::format("{}d{:02}h", s / 86'400, s / 3'600 % 24);
}

std::string timeouts_text(const Json& rule) {
  std::string text;
  if (count_of(rule, "idle_s") != 0) text = fmt::format("idle={}", count_of(rule, "idle_s"));
  if (count_of(rule, "hard_s") != 0)
    text += fmt::format("{}hard={}", text.empty() ? "" : " ", count_of(rule, "hard_s"));
  return text;
}

int list(const ListOptions& options, const Invocation& invocation) {
  Client client = invocation.connect();
  const Json answer = all_rules(client, options.limit);
  if (invocation.printed_as_json(answer)) return kFine;
  constexpr auto kRight = Table::Align::right;
  Table table({{"RULE", kRight},
               {"PRIORITY", kRight},
               {"MATCH"},
               {"ACTION"},
               {"HITS", kRight},
               {"BYTES", kRight},
               {"AGE", kRight},
               {"ENDS"},
               {"NOTE"}});
  for (const Json& rule : part_of(answer, "rules"))
    table.add({text_of(rule, "id"), text_of(rule, "priority"), printable(text_of(rule, "match")),
               printable(text_of(rule, "action")), grouped(count_of(rule, "hits")), grouped(count_of(rule, "bytes")),
               age_text(number_of(rule, "age_s")), timeouts_text(rule),
               rule.contains("shadowed_by") ? fmt::format("never reached: {} comes first", text_of(rule, "shadowed_by"))
                                            : ""});
  if (table.size() != 0) fmt::print("{}", table.text());
  const uint64_t total = count_of(answer, "total"), shown = part_of(answer, "rules").size();
  if (total == 0) fmt::print("no rules: packets go to the chains of their ports\n");
  if (shown < total) fmt::print("{} of {} rules\n", grouped(shown), grouped(total));
  if (const Json& rest = part_of(answer, "unmatched"); count_of(rest, "hits") != 0)
    fmt::print("under no rule: {} packets, {} bytes\n", grouped(count_of(rest, "hits")),
               grouped(count_of(rest, "bytes")));
  return kFine;
}

int show(uint32_t id, const Invocation& invocation) {
  const Json rule = invocation.connect().call("rule_show", {{"id", id}});
  if (invocation.printed_as_json(rule)) return kFine;
  Table table({{"WHAT"}, {"VALUE"}});
  table.add({"rule", text_of(rule, "id")});
  table.add({"priority", text_of(rule, "priority")});
  table.add({"match", printable(text_of(rule, "match"))});
  table.add({"action", printable(text_of(rule, "action"))});
  table.add({"packets", grouped(count_of(rule, "hits"))});
  table.add({"bytes", grouped(count_of(rule, "bytes"))});
  table.add({"age", age_text(number_of(rule, "age_s"))});
  if (const std::string ends = timeouts_text(rule); !ends.empty()) table.add({"ends", ends});
  if (rule.contains("shadowed_by"))
    table.add({"note", fmt::format("never reached: rule {} comes first", text_of(rule, "shadowed_by"))});
  fmt::print("{}", table.text());
  return kFine;
}

}  // namespace

void add_rule(Command& program, Invocation& invocation) {
  Command& rule = program.add("rule", "which packets go to which chain, straight to a port, or nowhere");
  rule.examples(
      "  roost rule add tcp dport=80 chain=web\n"
      "  roost rule list\n"
      "Where no rule matches, a packet goes to the chain of its port. docs/rules.md has all fields.");

  Command& adds = add_command(rule, invocation, "add", "add rules, all or none",
                              "  roost rule add tcp dst=10.0.0.0/8 dport=80 chain=web\n"
                              "  roost rule add priority=2000 in=lan0 vlan=7 drop\n"
                              "  roost rule add src=2001:db8::/32 udp dport=5000-5999 port=wan0 idle=60\n"
                              "  roost rule add --file rules.txt\n"
                              "  roost rule add --replace 17 tcp dport=80 chain=web2\n"
                              "A rule is: fields to match, an action (chain=NAME, port=NAME or drop), and if wanted\n"
                              "priority=N (0 to 65535, 1000 by itself; the highest wins, of equal ones the oldest),\n"
                              "idle=S and hard=S (it ends after S seconds without packets, or in any case).\n"
                              "Fields: in=PORT, eth_src= eth_dst=MAC[/MASK], eth_type=, vlan=ID|any|none, pcp=,\n"
                              "ip ipv4 ipv6 arp tcp udp sctp icmp icmp6, proto=, src= dst=ADDRESS[/PREFIX], sport=\n"
                              "dport=N|N-M, dscp=, icmp_type= icmp_code=, arp_op=, arp_spa= arp_tpa=ADDRESS[/PREFIX].");
  auto& add_options = adds.keep<AddOptions>();
  adds.positional("rule", add_options.words, "fields, action and the rest, in any order");
  adds.option("--file", add_options.file, "rules from a file, one a line, # for comments; - is standard input");
  Option replace = adds.option("--replace", add_options.replace, "these rules go as the new ones come: 17,20-29");
  adds.flag("--replace-all", add_options.replace_all, "all others go").excludes(replace);
  add_json_flag(adds, invocation);
  adds.runs([&add_options, &invocation] { return add(add_options, invocation); });

  Command& dels = add_command(rule, invocation, "del", "remove rules, all or none",
                              "  roost rule del 17\n"
                              "  roost rule del 17 20-29\n"
                              "  roost rule del --all");
  auto& del_options = dels.keep<DelOptions>();
  dels.positional("rules", del_options.ids, "numbers, and ranges of them; 'roost rule list' shows them");
  dels.flag("--all", del_options.all, "all of them");
  add_json_flag(dels, invocation);
  dels.runs([&del_options, &invocation] { return del(del_options, invocation); });

  Command& lists = add_command(rule, invocation, "list", "show rules, in the order in which they are looked at",
                               "  roost rule list\n"
                               "  roost rule list --json | jq '.rules[] | select(.hits == 0) | .id'");
  auto& list_options = lists.keep<ListOptions>();
  lists.option("--limit", list_options.limit, "at most so many (default: all)").range(1, 4'294'967'295.0);
  add_json_flag(lists, invocation);
  lists.runs([&list_options, &invocation] { return list(list_options, invocation); });

  Command& shows = add_command(rule, invocation, "show", "show one rule", "  roost rule show 17");
  auto& id = shows.keep<uint32_t>();
  shows.positional("rule", id, "its number; 'roost rule list' shows them").required();
  add_json_flag(shows, invocation);
  shows.runs([&id, &invocation] { return show(id, invocation); });
}

}  // namespace roost::cli
