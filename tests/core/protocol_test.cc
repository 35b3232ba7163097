// SPDX-License-Identifier: BSD-3-Clause
#include "core/protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/error.h"

namespace roost {
namespace {

std::string error_of(const Json& response) {
  try {
    rpc_take_result(response);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Protocol, RequestsAndResponsesAreJsonRpc2) {
  const Json request = rpc_request(7, "ps", {{"limit", 3}});
  EXPECT_EQ(request, Json::parse(R"({"jsonrpc":"2.0","id":7,"method":"ps","params":{"limit":3}})"));
  EXPECT_EQ(rpc_result(7, {{"a", 1}}), Json::parse(R"({"jsonrpc":"2.0","id":7,"result":{"a":1}})"));
  EXPECT_EQ(rpc_error(nullptr, RpcError::parse, "what?"),
            Json::parse(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}})"));
}

TEST(Protocol, TakesTheResultOrThrowsTheError) {
  EXPECT_EQ(rpc_take_result(rpc_result(1, {{"a", 1}})), Json({{"a", 1}}));
  EXPECT_EQ(error_of(rpc_error(1, RpcError::failed, "no such port")), "no such port");
  for (const char* text : {"[]", "3", "null", "{}", R"({"jsonrpc":"2.0","id":1})"})
    EXPECT_NE(error_of(Json::parse(text)), "") << text;
  EXPECT_NE(error_of(Json::parse(R"({"error":{}})")), "");
  EXPECT_THROW(rpc_take_result(Json::parse(R"({"error":"text"})")), Error);
  EXPECT_THROW(rpc_take_result(Json::parse(R"({"error":{"message":5}})")), std::exception);
}

TEST(Protocol, ParsesWhatIsNotNestedTooDeep) {
  EXPECT_EQ(rpc_parse(R"({"a":[1,2]})"), Json::parse(R"({"a":[1,2]})"));
  for (const std::string text : {"", "{", "no", "{} {}"}) EXPECT_TRUE(rpc_parse(text).is_discarded()) << text;
  for (const size_t depth : {size_t{1'000}, size_t{1'000'000}})
    EXPECT_TRUE(rpc_parse(std::string(depth, '[') + std::string(depth, ']')).is_discarded());
  const auto nested = [](const std::string& open, int depth, const std::string& close) {
    std::string text = "1";
    for (int i = 0; i < depth; ++i) text = open + text + close;
    return rpc_parse(text);
  };
  const std::pair<const char*, const char*> kinds[] = {
      {"[", "]"}, {R"({"]\"]": 1, "a": )", "}"}, {R"(["\\", )", "]"}, {R"(["[{\"[", )", R"(, "[[{"])"}};
  for (const auto& [open, close] : kinds) {
    EXPECT_FALSE(nested(open, kNestingMax, close).is_discarded()) << open;
    EXPECT_TRUE(nested(open, kNestingMax + 1, close).is_discarded()) << open;
  }
}

// In a time that grows as they do: else this takes hours.
TEST(Protocol, ParsesListsOfManyObjects) {
  constexpr size_t kObjects = 300'000;
  std::string text = "[{}";
  for (size_t i = 1; i < kObjects; ++i) text += ",{}";
  EXPECT_EQ(rpc_parse(text + "]").size(), kObjects);
}

}  // namespace
}  // namespace roost
