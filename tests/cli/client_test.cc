// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/cli/fake_manager.h"

namespace roost::cli {
namespace {

using std::chrono::milliseconds;
using test::FakeManager;
using testing::HasSubstr;

std::string error_of(const FakeManager& manager, milliseconds patience = kPatience) {
  try {
    Client(manager.path()).call("ps", Json::object(), patience);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Client, GivesTheResultAndSendsTheParameters) {
  const FakeManager manager(FakeManager::result({{"total", 3}}));
  Client client(manager.path());
  EXPECT_EQ(client.call("ps", {{"limit", 5}}), Json({{"total", 3}}));
  EXPECT_EQ(client.call("stats"), Json({{"total", 3}}));
  const auto requests = manager.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0]["method"], "ps");
  EXPECT_EQ(requests[0]["params"], Json({{"limit", 5}}));
  EXPECT_NE(requests[0]["id"], requests[1]["id"]);
  EXPECT_EQ(client.manager_pid(), getpid());
}

TEST(Client, TakesAnAnswerOfManyPieces) {
  const Json large(std::string(3 << 20, 'x'));
  const FakeManager manager(FakeManager::result(large));
  EXPECT_EQ(Client(manager.path()).call("ps"), large);
}

TEST(Client, PassesOnTheManagersWordsWhereItRefuses) {
  const FakeManager manager([](const Json& request) {
    return json_text(rpc_error(request["id"], RpcError::failed, "no service is called 'x'")) + "\n";
  });
  EXPECT_EQ(error_of(manager), "no service is called 'x'");
}

TEST(Client, RefusesWhatIsNoAnswer) {
  EXPECT_THAT(error_of(FakeManager(FakeManager::text("hello\n"))), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(FakeManager(FakeManager::text("[1]\n"))), HasSubstr("not a JSON-RPC response"));
  EXPECT_THAT(error_of(FakeManager(FakeManager::text("{\"jsonrpc\":\"2.0\",\"id\":1}\n"))),
              HasSubstr("neither result"));
  EXPECT_THAT(error_of(FakeManager(FakeManager::text("{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n"))),
              HasSubstr("another request"));
}

TEST(Client, RefusesAnEndlessAnswer) {
  const FakeManager manager(FakeManager::text(std::string(kAnswerBytesMax + (1 << 20), 'x')));
  EXPECT_THAT(error_of(manager), HasSubstr("more than 67108864 bytes"));
}

TEST(Client, DoesNotWaitForEver) {
  const FakeManager manager(FakeManager::text("{\"half\""));
  EXPECT_THAT(error_of(manager, milliseconds(50)), HasSubstr("no answer in time"));
}

TEST(Client, TellsThatTheManagerHasGone) {
  const FakeManager manager(FakeManager::text(""));
  Client client(manager.path());
  EXPECT_THROW(client.call("down"), NoManager);
}

TEST(Client, TellsThatNobodyIsThere) {
  const test::TempDir folder;
  EXPECT_THROW(Client{folder.path("none.sock")}, NoManager);
  auto manager = std::make_unique<FakeManager>(FakeManager::result({}));
  const std::string path = manager->path();
  manager.reset();
  EXPECT_THROW(Client{path}, NoManager);
}

TEST(Client, EndsAtAnInterrupt) {
  const FakeManager manager(FakeManager::text("{"));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const FileDescriptor read_end(ends[0]), write_end(ends[1]);
  ASSERT_EQ(write(write_end.get(), "x", 1), 1);
  Client client(manager.path());
  client.interrupted_by(read_end.get());
  EXPECT_THROW(client.call("ps"), Interrupted);
}

}  // namespace
}  // namespace roost::cli
