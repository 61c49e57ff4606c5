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
        return config.accepting || !config.trail || config.trail_life == Life::Alive ||
               has_way_out(config.alive, *config.trail);
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
        // The end of a container rather than another item: where items may be equal after all, that could go on for
        // ever.
        auto byte = static_cast<uint8_t>(choice.contains(']') ? ']' : choice.contains('}') ? '}' : choice.first());
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
    ByteSet alive = at(state).alive, unsure;
    {
        std::lock_guard lock(lexer_->mutex);
        unsure = bytes_in_doubt(at(state));
    }
    ByteSet exact = alive & ~unsure;
    (alive & unsure).for_each([&](int byte) {
        char c = static_cast<char>(byte);
        if (walk(state, {&c, 1}) != kDead) exact.insert(byte);
    });
    return exact;
}

// Whether a state with these next bytes and this trail has a way out at once: a byte by which the item in the making
// differs from all before, or, before an item has begun, more items to choose from than were there before.
bool Automaton::has_way_out(const ByteSet& alive, const Trail& trail) {
    return trail.has_choice() || !trail.in_danger() || !(alive & ~trail.watched()).empty();
}

// Walks the trie with the state without its trail, whose steps are known mostly, and the trail apart from each other;
// the state itself is needed only where something repeats, or might have to.
class Automaton::RepeatWalk {
public:
    RepeatWalk(Automaton& automaton, StateId state, StateId plain)
        : automaton_(automaton), trie_(automaton.vocabulary_->trie()) {
        path_.resize(static_cast<size_t>(trie_.max_depth()) + 1);
        path_[0] = {state, plain, automaton.at(state).trail, 0};
        path_[0].trail->watched();  // narrows the comparisons of all that follows from it
    }

    // Of the tokens that are allowed without the trail, those that are not with it.
    std::vector<TokenId> run() {
        std::vector<TokenId> repeating;
        for (int32_t node = 1; node < trie_.size();) {
            Outcome outcome = visit(node);
            if (outcome == Outcome::Repeats) {
                std::span<const TokenId> below = trie_.subtree_tokens(node);
                repeating.insert(repeating.end(), below.begin(), below.end());
            }
            node = outcome == Outcome::GoesOn ? node + 1 : trie_.end(node);
        }
        return repeating;
    }

private:
    enum class Outcome { GoesOn, SameAsPlain, Repeats };
    struct Visit {
        StateId state;  // kUnknown until it is needed
        StateId plain;
        TrailPtr trail;
        uint8_t byte;
        bool has_less = false;  // stacks were killed that the plain state still has: every byte may make a difference
    };

    Outcome visit(int32_t node) {
        size_t depth = trie_.depth(node);
        const Visit& from = path_[depth - 1];
        uint8_t byte = trie_.byte(node);
        if (!from.has_less && !may_repeat(*from.trail, node)) return Outcome::SameAsPlain;
        StateId plain = automaton_.step_locked(from.plain, byte);
        if (plain == kDead) return Outcome::SameAsPlain;
        if (from.has_less) return visit_exactly(depth, byte, plain);
        Trail::Step step = Trail::after(from.trail, byte);
        const Config& config = automaton_.at(plain);
        if (config.trail || step.too_deep) return visit_exactly(depth, byte, plain);
        if (!step.next) return Outcome::SameAsPlain;
        if (step.next->repeats() || !has_way_out(config.alive, *step.next)) return visit_exactly(depth, byte, plain);
        path_[depth] = {kUnknown, plain, std::move(step.next), byte};
        return Outcome::GoesOn;
    }

    // Whether a token of the subtree of a node may end something that was there before, or begin something else.
    bool may_repeat(const Trail& trail, int32_t node) const {
        bool goes_on = trail.in_text() ? trie_.has_quoted_comma(node) : trie_.has_comma(node);
        return goes_on || trail.watched().contains(trie_.byte(node));
    }

    Outcome visit_exactly(size_t depth, uint8_t byte, StateId plain) {
        StateId next = automaton_.step_locked(state_at(depth - 1), byte);
        if (next == kDead) return Outcome::Repeats;
        if (next == plain) return Outcome::SameAsPlain;
        const Config& config = automaton_.at(next);
        bool has_less = !config.trail || config.items != automaton_.at(plain).items;
        path_[depth] = {next, plain, config.trail, byte, has_less};
        return Outcome::GoesOn;
    }

    StateId state_at(size_t depth) {
        Visit& visit = path_[depth];
        if (visit.state == kUnknown) visit.state = automaton_.step_locked(state_at(depth - 1), visit.byte);
        return visit.state;
    }

    Automaton& automaton_;
    const Trie& trie_;
    std::vector<Visit> path_;
};

std::unique_ptr<Automaton::Mask> Automaton::build_trail_mask(StateId state) {
    std::vector<Item> items = at(state).items;
    StateId plain = intern(std::move(items), at(state).accepting);
    auto mask = std::make_unique<Mask>(make_mask(plain));
    std::vector<TokenId> repeating = RepeatWalk(*this, state, plain).run();
    std::ranges::sort(repeating);
    std::erase_if(mask->tokens, [&](TokenId token) { return std::ranges::binary_search(repeating, token); });
    mask->cleared.insert(mask->cleared.end(), repeating.begin(), repeating.end());
    return mask;
}

}  // namespace latticework
