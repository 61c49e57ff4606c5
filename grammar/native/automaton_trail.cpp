// States with a trail: which of them can be completed, and their masks.
//
// Stepping kills the stacks on which something is repeated that must not be. What is left may be a dead end: an item of
// which only repetitions can be made. As soon as the item in the making differs from all before, it can be completed
// (the front end has seen to it that there are enough different ones), so the search for a way out is short.
//
// The mask is that of the state without its trail, less the tokens that repeat something. Those are looked for along
// the texts of earlier items, and along the tokens that end an item and begin another.

#include <algorithm>

#include "automaton.hpp"
#include "errors.hpp"

namespace latticework {

// The bytes by which a way out is looked for: white space changes nothing, unless it must come. A line break without
// the choice of a space is that of an indented layout, and leads to a closing bracket.
ByteSet Automaton::to_try(const Config& config) const {
    if (config.trail->in_text() || !config.alive.contains(' ')) return config.alive;
    ByteSet space;
    for (char c : {' ', '\t', '\n', '\r'}) space.insert(c);
    ByteSet others = config.alive & ~space;
    return others.empty() ? config.alive : others;
}

// Depth first, along other bytes than those before first. The caller holds the lexer's mutex.
bool Automaton::trail_alive(StateId start) {
    struct Visit {
        StateId state;
        ByteSet rest;
    };
    auto is_alive = [&](StateId state) {
        const Config& config = at(state);
        return config.accepting || !config.trail || config.trail_life == Life::Alive || !config.trail->in_danger();
    };
    if (at(start).trail_life != Life::Unknown) return at(start).trail_life == Life::Alive;
    if (is_alive(start)) return true;
    std::vector<Visit> path{{start, to_try(at(start))}};
    std::unordered_set<StateId> visited{start};
    auto succeed = [&] {
        for (const Visit& visit : path) at(visit.state).trail_life = Life::Alive;
        return true;
    };
    while (!path.empty()) {
        auto [state, rest] = path.back();
        ByteSet fresh = rest & ~at(state).trail->watched();
        ByteSet& choice = fresh.empty() ? rest : fresh;
        if (choice.empty()) {
            path.pop_back();
            continue;
        }
        auto byte = static_cast<uint8_t>(choice.first());
        path.back().rest.erase(byte);
        StateId next = step_untried(state, byte);
        if (next == kDead) continue;
        if (is_alive(next)) return succeed();
        if (at(next).trail_life == Life::Dead || !visited.insert(next).second) continue;
        if (static_cast<long>(visited.size()) > limits_.liveness_states) {
            throw LimitReached("liveness_states", limits_.liveness_states,
                               "deciding whether another different item exists takes too many states");
        }
        path.push_back({next, to_try(at(next))});
    }
    for (StateId state : visited) at(state).trail_life = Life::Dead;
    return false;
}

// The caller holds `gc_` shared.
ByteSet Automaton::exact_alive(StateId state) {
    ByteSet alive = at(state).alive;
    if (!at(state).trail) return alive;
    ByteSet exact;
    alive.for_each([&](int byte) {
        char c = static_cast<char>(byte);
        if (walk(state, {&c, 1}) != kDead) exact.insert(byte);
    });
    return exact;
}

std::unique_ptr<Automaton::Mask> Automaton::build_trail_mask(StateId state) {
    std::vector<Item> items = at(state).items;
    StateId plain = intern(std::move(items), at(state).accepting);
    auto mask = std::make_unique<Mask>(make_mask(plain));
    std::vector<TokenId> repeating = repeating_tokens(state, plain);
    std::ranges::sort(repeating);
    std::erase_if(mask->tokens, [&](TokenId token) { return std::ranges::binary_search(repeating, token); });
    mask->cleared.insert(mask->cleared.end(), repeating.begin(), repeating.end());
    return mask;
}

// Of the tokens that are allowed in the same state without its trail, those that are not with it.
std::vector<TokenId> Automaton::repeating_tokens(StateId state, StateId plain) {
    const Trie& trie = vocabulary_->trie();
    std::vector<TokenId> repeating;
    struct Visit {
        StateId state, plain;
        const Config* config;
        ByteSet watched;
    };
    std::vector<Visit> path(static_cast<size_t>(trie.max_depth()) + 1);
    path[0] = {state, plain, &at(state), at(state).trail->watched()};
    for (int32_t node = 1; node < trie.size();) {
        const auto& [from, plain_from, config, watched] = path[trie.depth(node) - 1];
        uint8_t byte = trie.byte(node);
        bool goes_on = config->trail->in_text() ? trie.has_quoted_comma(node) : trie.has_comma(node);
        StateId plain_next = goes_on || watched.contains(byte) ? step_locked(plain_from, byte) : kDead;
        if (plain_next == kDead) {
            node = trie.end(node);
            continue;
        }
        StateId next = step_locked(from, byte);
        if (next == kDead) {
            std::span<const TokenId> below = trie.subtree_tokens(node);
            repeating.insert(repeating.end(), below.begin(), below.end());
        } else if (at(next).trail) {
            path[trie.depth(node)] = {next, plain_next, &at(next), at(next).trail->watched()};
            ++node;
            continue;
        }
        node = trie.end(node);
    }
    return repeating;
}

}  // namespace latticework
