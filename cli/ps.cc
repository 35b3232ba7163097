// SPDX-License-Identifier: BSD-3-Clause
// roost ps: the NFs, or the hosts, and the latest events.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/commands.h"
#include "cli/figures.h"
#include "cli/table.h"

namespace roost::cli {
namespace {

constexpr uint32_t kPage = 2'000;

struct PsOptions {
  std::string service, by;
  uint64_t limit = 100;
  bool hosts = false;
};

// Up to `limit` NFs of the service, page by page: {total, nfs, hosts, events}.
Json collect(Client& client, const PsOptions& options) {
  Json all = {{"total", 0}, {"nfs", Json::array()}, {"hosts", Json::array()}, {"events", Json::array()}};
  for (int64_t after = -1;;) {
    const uint64_t wanted = options.limit - all["nfs"].size();
    const Json page = client.call(
        "ps", {{"after", after}, {"limit", options.service.empty() ? std::min<uint64_t>(kPage, wanted) : kPage}});
    all["total"] = count_of(page, "total");
    all["loops"] = count_of(page, "loops");
    all["hosts"] = part_of(page, "hosts");
    all["events"] = part_of(page, "events");
    const Json& nfs = part_of(page, "nfs");
    for (const Json& nf : nfs) {
      const auto id = static_cast<int64_t>(count_of(nf, "id"));
      if (id <= after) fail("ps: the manager's list goes backwards at NF {}", id);  // else this might never end
      after = id;
      if (all["nfs"].size() < options.limit && (options.service.empty() || text_of(nf, "service") == options.service))
        all["nfs"].push_back(nf);
    }
    if (nfs.empty() || all["nfs"].size() >= options.limit) return all;
  }
}

// When a quarantined NF gets packets again, or one whose host died is started again.
std::string resumes(const Json& nf) {
  if (text_of(nf, "state") == "waiting") {
    const uint64_t wait_ms = count_of(nf, "restarts_in_ms");
    return wait_ms == 0 ? "now" : fmt::format("in {} s", rounded(static_cast<double>(wait_ms) / 1e3));
  }
  if (text_of(nf, "state") != "quarantined") return "-";
  if (!nf.contains("resumes_in_ms")) return "by hand";
  const uint64_t wait_ms = count_of(nf, "resumes_in_ms");
  if (wait_ms != 0) return fmt::format("in {} s", rounded(static_cast<double>(wait_ms) / 1e3));
  return nf.value("returned", Json()) == true ? "now" : "once it returns";
}

// The CPU, and where it has several shared cores, which of them.
std::string core_of(const Json& object) {
  const std::string name = text_of(object, "core_name");
  return name.empty() ? text_of(object, "core") : name;
}

// Where there is but the one that is always there, nobody need read of it.
bool several_domains(const Json& list) {
  return std::any_of(list.begin(), list.end(), [](const Json& one) {
    const std::string domain = text_of(one, "domain");
    return !domain.empty() && domain != "default";
  });
}

void print_nfs(const Json& answer, const PsOptions& options) {
  constexpr auto kRight = Table::Align::right;
  const Json& nfs = answer["nfs"];
  const bool quarantines = std::any_of(nfs.begin(), nfs.end(), [](const Json& nf) {
    return text_of(nf, "state") == "quarantined" || text_of(nf, "state") == "waiting" ||
           count_of(nf, "quarantines") != 0;
  });
  const bool crashes = std::any_of(nfs.begin(), nfs.end(), [](const Json& nf) { return count_of(nf, "crashes") != 0; });
  std::vector<Table::Column> columns{{"NF", kRight},     {"SERVICE"},         {"TIER"},
                                     {"STATE"},          {"PACKETS", kRight}, {"CYCLES/PACKET", kRight},
                                     {"WEIGHT", kRight}, {"CORE", kRight},    {"HOST", kRight},
                                     {"TENANT"},         {"MODULE"}};
  const bool loops = count_of(answer, "loops") > 1, domains = several_domains(nfs);
  if (domains) columns.insert(columns.end() - 1, {"DOMAIN"});
  if (loops) columns.insert(columns.begin() + 8, {"IO", kRight});
  if (quarantines) columns.insert(columns.begin() + 4, {{"QUARANTINES", kRight}, {"RESUMES"}});
  if (crashes) columns.insert(columns.begin() + 4, {"CRASHES", kRight});
  Table table(columns);
  for (const Json& nf : nfs) {
    const std::string module = text_of(nf, "module");
    const double cycles = number_of(nf, "cycles_per_packet");
    std::vector<std::string> row{text_of(nf, "id"),
                                 text_of(nf, "service"),
                                 text_of(nf, "tier"),
                                 text_of(nf, "state"),
                                 grouped(count_of(nf, "packets")),
                                 cycles == 0 ? "-" : rounded(cycles),
                                 text_of(nf, "weight"),
                                 core_of(nf),
                                 text_of(nf, "host"),
                                 text_of(nf, "tenant"),
                                 module.substr(module.rfind('/') + 1)};
    if (domains) row.insert(row.end() - 1, text_of(nf, "domain"));
    if (loops) row.insert(row.begin() + 8, text_of(nf, "loop"));
    if (quarantines) row.insert(row.begin() + 4, {grouped(count_of(nf, "quarantines")), resumes(nf)});
    if (crashes) row.insert(row.begin() + 4, grouped(count_of(nf, "crashes")));
    table.add(row);
  }
  fmt::print("{}", table.text());
  const uint64_t total = count_of(answer, "total");
  if (options.service.empty() ? table.size() < total : table.size() == options.limit)
    fmt::print("{} of {} NFs; --limit shows more\n", grouped(table.size()), grouped(total));
}

// Of a worker with a sojourn_target_us: what it holds the p99 to, the p99, and the wait that it has chosen for that.
std::vector<std::string> followed(const Json& host) {
  if (!host.contains("sojourn_target_us")) return {"-", "-", "-"};
  return {rounded(number_of(host, "sojourn_target_us")), rounded(number_of(host, "sojourn_p99_us")),
          rounded(number_of(host, "wake_deadline_us"))};
}

void print_hosts(const Json& answer) {
  constexpr auto kRight = Table::Align::right;
  const Json& hosts = answer["hosts"];
  const bool loops = count_of(answer, "loops") > 1, domains = several_domains(hosts);
  const bool follow =
      std::any_of(hosts.begin(), hosts.end(), [](const Json& host) { return host.contains("sojourn_target_us"); });
  std::vector<Table::Column> columns{{"HOST", kRight}, {"PROCESS", kRight}, {"CORE", kRight},     {"MOVES", kRight},
                                     {"TIER"},         {"NFS", kRight},     {"RESTARTS", kRight}, {"STATE"},
                                     {"TENANT"}};
  if (domains) columns.push_back({"DOMAIN"});
  if (follow) columns.insert(columns.begin() + 6, {{"TARGET US", kRight}, {"P99 US", kRight}, {"WAIT US", kRight}});
  if (loops) columns.insert(columns.begin() + 3, {"IO", kRight});
  Table table(columns);
  for (const Json& host : hosts) {
    std::vector<std::string> row{text_of(host, "id"),
                                 text_of(host, "pid"),
                                 core_of(host),
                                 grouped(count_of(host, "moves")),
                                 text_of(host, "tier"),
                                 grouped(count_of(host, "nfs")),
                                 grouped(count_of(host, "restarts")),
                                 text_of(host, "state"),
                                 text_of(host, "tenant")};
    if (domains) row.push_back(text_of(host, "domain"));
    if (const auto more = followed(host); follow) row.insert(row.begin() + 6, more.begin(), more.end());
    if (loops) row.insert(row.begin() + 3, text_of(host, "loop"));
    table.add(row);
  }
  fmt::print("{}", table.text());
}

int totals(const PsOptions& options, const Invocation& invocation) {
  if (options.hosts || !options.service.empty())
    throw UsageError("ps: --by sums all NFs up; it goes with neither --hosts nor --service");
  const Json answer = invocation.connect().call("totals", {{"by", options.by}});
  if (invocation.printed_as_json(answer)) return kFine;
  constexpr auto kRight = Table::Align::right;
  std::string title = options.by;
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  Table table({{title},
               {"NFS", kRight},
               {"QUARANTINED", kRight},
               {"PROCESSES", kRight},
               {"WEIGHT", kRight},
               {"PACKETS", kRight},
               {"CYCLES/PACKET", kRight}});
  for (const Json& group : part_of(answer, "groups")) {
    const double cycles = number_of(group, "cycles_per_packet");
    table.add({text_of(group, "name"), grouped(count_of(group, "nfs")), grouped(count_of(group, "quarantined")),
               grouped(count_of(group, "hosts")), grouped(count_of(group, "weight")),
               grouped(count_of(group, "packets")), cycles == 0 ? "-" : rounded(cycles)});
  }
  fmt::print("{}", table.text());
  return kFine;
}

int ps(const PsOptions& options, const Invocation& invocation) {
  if (!options.by.empty()) return totals(options, invocation);
  Client client = invocation.connect();
  const Json answer = collect(client, options);
  if (invocation.printed_as_json(answer)) return kFine;
  if (options.hosts) {
    print_hosts(answer);
  } else {
    print_nfs(answer, options);
  }
  const Json& events = answer["events"];
  if (!events.empty()) fmt::print("\nLately:\n");
  for (const Json& event : events)
    fmt::print("  {}\n", printable(event.is_string() ? event.get<std::string>() : json_text(event)));
  return kFine;
}

}  // namespace

void add_ps(Command& program, Invocation& invocation) {
  Command& command = add_command(program, invocation, "ps", "list NFs, and what happened to them",
                                 "  roost ps\n"
                                 "  roost ps --service firewall --limit 1000\n"
                                 "  roost ps --hosts\n"
                                 "  roost ps --by service\n"
                                 "  roost ps --json | jq '.nfs[] | select(.packets == 0) | .id'");
  auto& options = command.keep<PsOptions>();
  command.option("--service", options.service, "only NFs of this service");
  command.option("--limit", options.limit, "at most this many").range(1, 10'000'000).shows_default();
  command.flag("--hosts", options.hosts, "list the processes in which they live instead");
  command.option("--by", options.by, "sum up all NFs that share this instead")
      .one_of({"service", "tenant", "domain", "tier", "core"});
  add_json_flag(command, invocation, "print JSON (NFs, hosts and events)");
  command.runs([&] { return ps(options, invocation); });
}

}  // namespace roost::cli
