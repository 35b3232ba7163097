// SPDX-License-Identifier: BSD-3-Clause
// What a simulation has shown, to read and as JSON.
#pragma once

#include <string>

#include "core/protocol.h"
#include "experiments/simulator/simulation.h"

namespace roost::simulator {

Json report_json(const std::string& scenario, const Model& model, const Simulation& simulation);
std::string report_text(const Json& report);

}  // namespace roost::simulator
