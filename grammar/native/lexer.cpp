#include "lexer.hpp"

#include <algorithm>
#include <functional>
#include <unordered_set>

#include "errors.hpp"

namespace latticework {

// Intersections and complements can be empty without looking so: search their automaton for an accepting state.
bool Lexer::nonempty(ExprId id) {
    if (regex[id].plain) return id != RegexSet::kNothing;
    if (life_.size() < static_cast<size_t>(regex.size())) life_.resize(regex.size(), Life::Unknown);
    if (life_[id] == Life::Unknown) {
        bool alive = !has_empty_pair(id) && !is_empty_without_counts(id) && search(id);
        if (life_.size() < static_cast<size_t>(regex.size())) life_.resize(regex.size(), Life::Unknown);
        life_[id] = alive ? Life::Alive : Life::Dead;
    }
    return life_[id] == Life::Alive;
}

// "A string, and none of these": if one exclusion alone leaves nothing, that is soon seen; the product of all the
// others would have to be searched to its end.
bool Lexer::has_empty_pair(ExprId id) {
    if (regex[id].kind != ExprKind::And) return false;
    std::vector<ExprId> others, exclusions;
    for (ExprId part : regex.parts(id)) (regex[part].kind == ExprKind::Not ? exclusions : others).push_back(part);
    if (exclusions.size() < 2) return false;
    for (ExprId exclusion : exclusions) {
        std::vector<ExprId> pair = others;
        pair.push_back(exclusion);
        ExprId both = regex.all_of(std::move(pair));
        bool dead = !nonempty(both);
        if (life_.size() < static_cast<size_t>(regex.size())) life_.resize(regex.size(), Life::Unknown);
        if (dead) return true;
    }
    return false;
}

// "At most 20,000 characters, and not this": where nothing is left even of any number of characters, that is found in
// few states, and holds for all counts.
bool Lexer::is_empty_without_counts(ExprId id) {
    if (regex[id].kind != ExprKind::And) return false;
    ExprId loose = without_counts(id);
    return loose != id && !nonempty(loose);
}

ExprId Lexer::without_counts(ExprId id) {
    std::unordered_map<uint64_t, ExprId> known;
    return without_counts(id, kLevelsToCounts, known);
}

ExprId Lexer::without_counts(ExprId id, int levels, std::unordered_map<uint64_t, ExprId>& known) {
    constexpr int32_t kMany = 16;
    const Expr expr = regex[id];
    if (expr.kind == ExprKind::Repeat && expr.c > kMany) return regex.repeat(expr.a, expr.b, RegexSet::kUnbounded);
    bool has_parts = expr.kind == ExprKind::Concat || expr.kind == ExprKind::Or || expr.kind == ExprKind::And;
    if (!has_parts || levels == 0) return id;
    uint64_t key = (static_cast<uint64_t>(id) << 8) | static_cast<uint64_t>(levels);
    if (auto found = known.find(key); found != known.end()) return found->second;
    std::vector<ExprId> parts = regex.parts(id);
    if (expr.kind == ExprKind::Concat) parts = {expr.a, expr.b};
    const std::vector<ExprId> before = parts;
    for (ExprId& part : parts) part = without_counts(part, levels - 1, known);
    ExprId loose = id;
    if (parts != before) {
        loose = expr.kind == ExprKind::Concat ? regex.concat(parts[0], parts[1])
                : expr.kind == ExprKind::Or   ? regex.any_of(std::move(parts))
                                              : regex.all_of(std::move(parts));
    }
    known.emplace(key, loose);
    return loose;
}

// An exception leaves no trace: what was visited is as unknown as before.
bool Lexer::search(ExprId start) {
    std::vector<Visit> visits{{start, -1}};
    try {
        return explore(visits);
    } catch (...) {
        settle(visits, -1, Life::Unknown);
        throw;
    }
}

// The path to the last visit is alive; the others are what `others` says.
void Lexer::settle(const std::vector<Visit>& visits, int32_t last, Life others) {
    for (const Visit& visit : visits) life_[visit.expr] = others;
    for (; last >= 0; last = visits[last].parent) life_[visits[last].expr] = Life::Alive;
}

// Depth first, along what is soonest complete: a text of at most 20,000 characters before a stop is found by the stop.
// Success marks the whole path, failure everything that was visited.
bool Lexer::explore(std::vector<Visit>& visits) {
    std::vector<int32_t> open{0};
    auto accepts = [&](ExprId expr) {
        return regex[expr].nullable || (regex[expr].plain && expr != RegexSet::kNothing) || life_[expr] == Life::Alive;
    };
    auto found = [&](int32_t last) {
        settle(visits, last, Life::Unknown);
        return true;
    };
    if (accepts(visits[0].expr)) return found(0);
    life_[visits[0].expr] = Life::Open;
    while (!open.empty()) {
        int32_t at = open.back();
        open.pop_back();
        if (static_cast<long>(visits.size()) > derivative_steps_) {
            throw LimitReached("derivative_steps", derivative_steps_,
                               "deciding whether a regular expression matches anything takes too many steps");
        }
        std::span<const Edge> edges = regex.derivative(visits[at].expr);
        if (life_.size() < static_cast<size_t>(regex.size())) life_.resize(regex.size(), Life::Unknown);
        size_t first = open.size();
        for (const Edge& edge : edges) {
            Life life = life_[edge.target];
            if (life == Life::Open || life == Life::Dead) continue;
            visits.push_back({edge.target, at});
            int32_t last = static_cast<int32_t>(visits.size()) - 1;
            if (accepts(edge.target)) return found(last);
            life_[edge.target] = Life::Open;
            open.push_back(last);
        }
        if (open.size() - first > 1)
            std::ranges::stable_sort(open.begin() + static_cast<ptrdiff_t>(first), open.end(), std::greater<>(),
                                     [&](int32_t visit) { return floor(visits[visit].expr); });
    }
    settle(visits, -1, Life::Dead);
    return false;
}

Lexer::State& Lexer::make_state(ExprId id) {
    if (core_memory() > grow_until_) {
        throw LimitReached("lexer_bytes", static_cast<long>(byte_limit_),
                           "the regular expressions of the grammar have too many states");
    }
    std::span<const Edge> span = regex.derivative(id);
    std::vector<Edge> all(span.begin(), span.end());
    auto state = std::make_unique<State>();
    state->nullable = regex[id].nullable;
    for (const Edge& edge : all) {
        if (!nonempty(edge.target)) continue;
        state->edges.push_back(edge);
        state->alive = state->alive | regex.byte_set(edge.set);
    }
    if (state->edges.size() > 3) {
        state->table = std::make_unique<std::array<ExprId, 256>>();
        state->table->fill(RegexSet::kNothing);
        for (const Edge& edge : state->edges) {
            regex.byte_set(edge.set).for_each([&](int byte) { (*state->table)[byte] = edge.target; });
        }
        state_bytes_ += sizeof(*state->table);
    }
    state_bytes_ += sizeof(State) + state->edges.capacity() * sizeof(Edge);
    if (states_.size() <= static_cast<size_t>(id)) states_.resize(regex.size());
    states_[id] = std::move(state);
    return *states_[id];
}

// Whether every first byte in the range, followed by any `more` continuation bytes, leads to `target`.
bool Lexer::whole_block_leads_to(ExprId state, ExprId target, std::array<uint8_t, 2> first, int more) {
    ExprId common = -1;
    for (int byte = first[0]; byte <= first[1]; ++byte) {
        ExprId next = step(state, static_cast<uint8_t>(byte));
        if (next == RegexSet::kNothing || (common >= 0 && next != common)) return false;
        common = next;
    }
    return more == 0 ? common == target : whole_block_leads_to(common, target, {0x80, 0xBF}, more - 1);
}

bool Lexer::wide_leads_to(ExprId state, ExprId target) {
    auto after = [&](uint8_t lead, uint8_t low, uint8_t high, int more) {
        ExprId next = step(state, lead);
        return next != RegexSet::kNothing && whole_block_leads_to(next, target, {low, high}, more);
    };
    return whole_block_leads_to(state, target, {0xC2, 0xDF}, 1) && after(0xE0, 0xA0, 0xBF, 1) &&
           whole_block_leads_to(state, target, {0xE1, 0xEC}, 2) && after(0xED, 0x80, 0x9F, 1) &&
           whole_block_leads_to(state, target, {0xEE, 0xEF}, 2) && after(0xF0, 0x90, 0xBF, 2) &&
           whole_block_leads_to(state, target, {0xF1, 0xF3}, 3) && after(0xF4, 0x80, 0x8F, 2);
}

const Loop& Lexer::loop(ExprId id) {
    if (state_of(id).loop) return *state_of(id).loop;
    auto loop = std::make_unique<Loop>();
    static const ByteSet kAscii = ByteSet::range(0, 127);
    int most = 0;
    for (const Edge& edge : state_of(id).edges) {
        ByteSet ascii = regex.byte_set(edge.set) & kAscii;
        if (ascii.count() <= most) continue;
        most = ascii.count();
        loop->target = edge.target;
        loop->chars.ascii = ascii;
    }
    if (most > 0) loop->chars.wide = wide_leads_to(id, loop->target);
    state_bytes_ += sizeof(Loop);
    State& state = state_of(id);
    state.loop = std::move(loop);
    return *state.loop;
}

void Lexer::drop_masks() {
    for (auto& state : states_) {
        if (state != nullptr) state->mask.reset();
    }
    mask_bytes_ = 0;
}

}  // namespace latticework
