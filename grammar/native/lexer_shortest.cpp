// The shortest text of a lexer state: how long it is, or about so, and what it is.

#include <algorithm>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_set>

#include "errors.hpp"
#include "lexer.hpp"
#include "program.hpp"

namespace latticework {

namespace {

// Rather a character that can be seen, or a space, than a tabulator.
uint8_t plainest(const ByteSet& bytes) {
    ByteSet visible = bytes & ByteSet::range(0x20, 0x7E);
    return static_cast<uint8_t>((visible.empty() ? bytes : visible).first());
}

}  // namespace

// By the structure of the expression: exact without intersection and complement, and otherwise not too large.
int32_t Lexer::floor(ExprId id) {
    if (regex[id].nullable) return 0;
    if (auto found = floors_.find(id); found != floors_.end()) return found->second;
    const Expr expr = regex[id];
    int64_t least = 0;
    switch (expr.kind) {
        case ExprKind::Nothing: least = kFar; break;
        case ExprKind::Bytes:
        case ExprKind::Modulo: least = 1; break;
        case ExprKind::Concat: least = int64_t{floor(expr.a)} + floor(expr.b); break;
        case ExprKind::Repeat: least = int64_t{floor(expr.a)} * expr.b; break;
        case ExprKind::Or:
            least = kFar;
            for (ExprId part : regex.parts(id)) least = std::min<int64_t>(least, floor(part));
            break;
        case ExprKind::And:
            for (ExprId part : regex.parts(id)) least = std::max<int64_t>(least, floor(part));
            break;
        case ExprKind::Empty:
        case ExprKind::Not: break;
    }
    return floors_.emplace(id, static_cast<int32_t>(std::min<int64_t>(least, kFar))).first->second;
}

int32_t Lexer::shortest(ExprId start) {
    constexpr size_t kMost = 2000;
    if (regex[start].plain) return floor(start);
    if (auto found = shortest_.find(start); found != shortest_.end()) return found->second;
    std::optional<std::string> text = find_shortest(start, kMost);
    int32_t length = text ? static_cast<int32_t>(text->size()) : floor(start);
    return shortest_.emplace(start, length).first->second;
}

std::string Lexer::shortest_text(ExprId start) {
    std::optional<std::string> text = find_shortest(start, static_cast<size_t>(derivative_steps_));
    if (text) return *text;
    throw LimitReached("derivative_steps", derivative_steps_,
                       "finding the shortest text of a regular expression takes too many steps");
}

// Best first by what was read and what is at least missing (A*); without a text if that takes too many states.
std::optional<std::string> Lexer::find_shortest(ExprId start, size_t most) {
    struct Visit {
        ExprId expr;
        int32_t parent, length;
        uint8_t byte;
    };
    using Open = std::tuple<int32_t, int32_t, int32_t>;  // length in all, what is missing of it, index of the visit
    std::vector<Visit> visits;
    std::priority_queue<Open, std::vector<Open>, std::greater<>> open;
    std::unordered_set<ExprId> seen;
    auto visit = [&](ExprId expr, int32_t parent, int32_t length, uint8_t byte) {
        if (!seen.insert(expr).second) return;
        visits.push_back({expr, parent, length, byte});
        open.emplace(length + floor(expr), floor(expr), static_cast<int32_t>(visits.size()) - 1);
    };
    visit(start, -1, 0, 0);
    while (!open.empty() && visits.size() < most) {
        int32_t index = std::get<2>(open.top());
        open.pop();
        const Visit from = visits[index];
        if (nullable(from.expr)) {
            std::string text;
            for (int32_t i = index; visits[i].parent >= 0; i = visits[i].parent)
                text.push_back(static_cast<char>(visits[i].byte));
            std::ranges::reverse(text);
            return text;
        }
        const std::vector<Edge> edges = state_of(from.expr).edges;
        for (const Edge& edge : edges) visit(edge.target, index, from.length + 1, plainest(regex.byte_set(edge.set)));
    }
    return std::nullopt;
}

// By the structure of an expression without intersection and complement, and not too small: whatever is read of a
// union, of a concatenation, of a repetition, one part is in the middle and others are still to come.
int32_t Lexer::most_missing_by_form(ExprId id) {
    if (auto found = most_missing_.find(id); found != most_missing_.end()) return found->second;
    const Expr expr = regex[id];
    int64_t most = 0;
    switch (expr.kind) {
        case ExprKind::Concat: {
            std::vector<ExprId> parts;
            ExprId last = id;
            for (; regex[last].kind == ExprKind::Concat; last = regex[last].b) parts.push_back(regex[last].a);
            most = most_missing_by_form(last);
            int64_t behind = floor(last);
            while (!parts.empty()) {
                most = std::max(most, most_missing_by_form(parts.back()) + behind);
                behind += floor(parts.back());
                parts.pop_back();
            }
            break;
        }
        case ExprKind::Repeat:
            most = most_missing_by_form(expr.a) + int64_t{floor(expr.a)} * std::max(expr.b - 1, 0);
            break;
        case ExprKind::Or:
            for (ExprId part : regex.parts(id)) most = std::max<int64_t>(most, most_missing_by_form(part));
            break;
        case ExprKind::Modulo: most = kFar; break;
        default: break;
    }
    return most_missing_.emplace(id, static_cast<int32_t>(std::min<int64_t>(most, kFar))).first->second;
}

int32_t Lexer::most_missing(ExprId start) {
    constexpr size_t kMostStates = 4096;
    if (regex[start].plain && most_missing_by_form(start) < kFar) return most_missing_by_form(start);
    std::vector<ExprId> states{start};
    std::vector<std::vector<size_t>> before(1);  // by state
    std::unordered_map<ExprId, size_t> places{{start, 0}};
    for (size_t i = 0; i < states.size(); ++i) {
        if (states.size() > kMostStates) return kFar;
        for (const Edge& edge : state_of(states[i]).edges) {
            auto [found, is_new] = places.try_emplace(edge.target, states.size());
            if (is_new) states.push_back(edge.target);
            before.resize(states.size());
            before[found->second].push_back(i);
        }
    }
    std::vector<int32_t> missing(states.size(), kFar);
    std::vector<size_t> open;
    for (size_t i = 0; i < states.size(); ++i) {
        if (nullable(states[i])) missing[i] = 0, open.push_back(i);
    }
    for (size_t i = 0; i < open.size(); ++i) {  // breadth first from the ends
        for (size_t from : before[open[i]]) {
            if (missing[from] == kFar) missing[from] = missing[open[i]] + 1, open.push_back(from);
        }
    }
    int32_t most = 0;
    for (size_t i = 0; i < states.size(); ++i) {
        if (!before[i].empty()) most = std::max(most, missing[i]);
    }
    return most;
}

}  // namespace latticework
