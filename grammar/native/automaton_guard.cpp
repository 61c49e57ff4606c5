// Guards: what must not follow a lexeme because the lexer would have taken it into the lexeme.
//
// A guard stands above what comes next, and mostly ends with the next byte: then it is cut out of what may begin there,
// and nothing of it is left in the state. Only where it is longer (`.` against `...`, a division against a comment) an
// item carries it on.

#include <algorithm>
#include <functional>
#include <queue>

#include "automaton.hpp"
#include "errors.hpp"

namespace latticework {

StackId Automaton::with_guard(StackId stacks, ExprId guard) {
    ExprId texts = lexemes_->guard_of(guard);
    return texts == RegexSet::kNothing ? stacks : stacks_.push(frames_->guard(texts), stacks);
}

// What begins behind a guard: as it is where the first byte ends the guard, with the guard where that goes on.
void Automaton::split_by_guard(const Item& item, std::vector<Item>& out) {
    if (lexer_->alive(item.lex).empty()) return;
    if (item.guard == RegexSet::kNothing) {
        out.push_back(item);
        return;
    }
    const auto [hit, open] = lexemes_->bytes_of(item.guard);
    Item free = item, guarded = item;
    free.guard = RegexSet::kNothing;
    free.lex = lexemes_->beginning_with(item.lex, ~(hit | open));
    guarded.lex = lexemes_->beginning_with(item.lex, open);
    if (free.lex != RegexSet::kNothing) out.push_back(free);
    if (guarded.lex == RegexSet::kNothing) return;
    if (lexemes_->fate(guarded.lex, guarded.guard) != Lexemes::Fate::Blocked) out.push_back(guarded);
}

// False where the byte completes what must not follow, or nothing else can.
bool Automaton::step_guards(Item& item, uint8_t byte) {
    auto step = [&](ExprId& guard) {
        if (guard == RegexSet::kNothing) return;
        guard = lexer_->step(guard, byte);
    };
    step(item.longer);
    step(item.guard);
    if (item.guard == RegexSet::kNothing) return true;
    return !lexer_->nullable(item.guard) && lexemes_->fate(item.lex, item.guard) != Lexemes::Fate::Blocked;
}

// Whether it is not certain that the state can be completed.
bool Automaton::is_doubtful(const Config& config) {
    if (config.accepting || program_->terminals().empty()) return false;
    if (!lexemes_->keeps_apart()) return true;
    return std::ranges::none_of(config.items, [&](const Item& item) {
        return item.guard == RegexSet::kNothing || lexemes_->fate(item.lex, item.guard) == Lexemes::Fate::Free;
    });
}

// Best first, by the bytes that are about missing, until a state that can be completed for certain. The caller holds
// the lexer's mutex.
bool Automaton::guard_alive(StateId start) {
    std::vector<std::pair<StateId, int32_t>> visits{{start, -1}};  // state, index of its parent
    std::unordered_set<StateId> seen{start};
    using Open = std::pair<int64_t, int32_t>;  // what is missing, index of the visit
    std::priority_queue<Open, std::vector<Open>, std::greater<>> open;
    auto succeed = [&](int32_t last) {
        for (; last >= 0; last = visits[last].second) at(visits[last].first).guard_life = Life::Alive;
        return true;
    };
    auto is_alive = [&](StateId state) { return at(state).guard_life == Life::Alive || !is_doubtful(at(state)); };
    if (at(start).guard_life != Life::Unknown) return at(start).guard_life == Life::Alive;
    if (is_alive(start)) return true;
    open.emplace(0, 0);
    while (!open.empty()) {
        auto [missing, parent] = open.top();
        open.pop();
        StateId from = visits[parent].first;
        ByteSet alive = at(from).alive;
        for (int byte = 0; byte < 256; ++byte) {
            if (!alive.contains(static_cast<uint8_t>(byte))) continue;
            StateId next = step_untried(from, static_cast<uint8_t>(byte));
            if (next == kDead || at(next).guard_life == Life::Dead || !seen.insert(next).second) continue;
            visits.emplace_back(next, parent);
            auto last = static_cast<int32_t>(visits.size()) - 1;
            if (is_alive(next)) return succeed(last);
            if (static_cast<long>(visits.size()) > limits_.liveness_states) {
                throw LimitReached("liveness_states", limits_.liveness_states,
                                   "deciding whether lexemes can be told apart takes too many states");
            }
            open.emplace(missing_bytes(at(next)), last);
        }
    }
    for (auto [state, parent] : visits) at(state).guard_life = Life::Dead;
    return false;
}

int64_t Automaton::missing_bytes(const Config& config) {
    int64_t least = kFar;
    for (const Item& item : config.items) {
        least = std::min<int64_t>(least, int64_t{lexer_->shortest(item.lex)} + stacks_.least(item.stacks));
    }
    return least;
}

// The bytes of which it is not certain that the state reads them. The caller holds the lexer's mutex.
ByteSet Automaton::bytes_in_doubt(const Config& config) {
    bool has_guards =
        std::ranges::any_of(config.items, [](const Item& item) { return item.guard != RegexSet::kNothing; });
    if (has_guards || !lexemes_->keeps_apart()) return config.alive;
    ByteSet unsure;
    if (!config.trail) return unsure;
    unsure = config.trail->watched();
    for (char c : {'[', '{'}) unsure.insert(c);  // which may nest too deeply
    return unsure;
}

}  // namespace latticework
