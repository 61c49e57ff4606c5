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

}  // namespace latticework
