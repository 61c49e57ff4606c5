// What the native core throws; bind.cpp translates each into one Python exception.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace latticework {

struct GrammarProblem : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Unsatisfiable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct VocabularyProblem : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct LimitReached : std::runtime_error {
    LimitReached(std::string limit_name, long limit_value, const std::string& message)
        : std::runtime_error(message), limit(std::move(limit_name)), value(limit_value) {}
    std::string limit;
    long value;
};

struct Rejected : std::runtime_error {
    Rejected(int token, std::string bytes, long at)
        : std::runtime_error("token rejected"), token_id(token), token_bytes(std::move(bytes)), position(at) {}
    int token_id;
    std::string token_bytes;
    long position;
};

}  // namespace latticework
