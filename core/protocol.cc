// SPDX-License-Identifier: BSD-3-Clause
#include "core/protocol.h"

#include "core/error.h"

namespace roost {

Json rpc_request(uint64_t id, std::string_view method, Json parameters) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(parameters)}};
}

Json rpc_result(const Json& id, Json result) { return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}}; }

Json rpc_error(const Json& id, RpcError code, std::string_view message) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", static_cast<int>(code)}, {"message", message}}}};
}

Json rpc_parse(std::string_view text) {
  class TooDeep {};
  try {
    return Json::parse(
        text,
        [](int depth, Json::parse_event_t, const Json&) {
          if (depth > kNestingMax) throw TooDeep();
          return true;
        },
        false);
  } catch (const TooDeep&) {
    return Json(Json::value_t::discarded);
  }
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
