// SPDX-License-Identifier: BSD-3-Clause
#include "core/protocol.h"

#include "core/error.h"

namespace roost {
namespace {

// Of text that is JSON up to where that counts.
bool is_nested_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char at = text[i];
    if (in_string) {
      if (at == '\\') ++i;
      if (at == '"') in_string = false;
    } else if (at == '"') {
      in_string = true;
    } else if (at == '[' || at == '{') {
      if (++depth > kNestingMax) return true;
    } else if (at == ']' || at == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Json rpc_request(uint64_t id, std::string_view method, Json parameters) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(parameters)}};
}

Json rpc_result(const Json& id, Json result) { return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}}; }

Json rpc_error(const Json& id, RpcError code, std::string_view message) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", static_cast<int>(code)}, {"message", message}}}};
}

// Not by the library's callback: with one, each object of a list makes it look through the list.
Json rpc_parse(std::string_view text) {
  return is_nested_too_deep(text) ? Json(Json::value_t::discarded) : Json::parse(text, nullptr, false);
}

std::string json_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json rpc_take_result(const Json& response) {
  if (!response.is_object()) fail("the answer is not a JSON-RPC response");
  if (const auto error = response.find("error"); error != response.end() && error->is_object())
    throw Error(error->contains("message") && (*error)["message"].is_string() ? (*error)["message"].get<std::string>()
                                                                              : "an error without a message");
  const auto result = response.find("result");
  if (result == response.end()) fail("the answer is not a JSON-RPC response: neither result nor error");
  return *result;
}

}  // namespace roost
