// How a text can be finished from a state: about the shortest way, in tokens.
//
// A state has one way: the byte to read next. It is made from the frames on top of the state (`Frames::way_out`), and
// ends where another way goes on, so the way of each state that it leads to is the rest of it. Where the automaton
// does not let it pass (items that must differ, lexemes that would be read as another), a way is searched for. The
// distance of a state is the fewest tokens that spell its way, and the end token: an upper bound of the shortest text,
// and there is always a token that brings it down by one.

#include <algorithm>
#include <queue>
#include <tuple>
#include <unordered_set>

#include "automaton.hpp"
#include "errors.hpp"

namespace latticework {

// About how many bytes complete the text above a set of stacks.
int64_t Automaton::weight_of(StackId stacks) {
    std::vector<StackId> open{stacks};
    while (!open.empty()) {
        StackId id = open.back();
        if (weights_.contains(id)) {
            open.pop_back();
            continue;
        }
        size_t before = open.size();
        int64_t least = stacks_.has_empty(id) ? 0 : kFar;
        for (const StackTop& top : stacks_.tops(id)) {
            auto below = weights_.find(top.below);
            if (below == weights_.end()) {
                open.push_back(top.below);
            } else {
                least = std::min(least, frames_->least(top.pos) + below->second);
            }
        }
        if (open.size() == before) weights_.emplace(id, least);
    }
    return weights_.at(stacks);
}

int64_t Automaton::weight_of_state(StateId state) {
    int64_t least = at(state).accepting ? 0 : kFar;
    for (const Item& item : at(state).items)
        least = std::min(least, lexer_->shortest(item.lex) + weight_of(item.stacks));
    return least;
}

std::string Automaton::text_of_stacks(StackId stacks) {
    constexpr size_t kLongest = 1u << 22;
    std::string text;
    std::vector<PosId> open;
    auto read = [&](const std::string& more) {
        text += more;
        if (text.size() > kLongest) throw GrammarProblem("the shortest text of the grammar is longer than 4 MiB");
    };
    while (!stacks_.has_empty(stacks)) {
        StackTop best{-1, StackSets::kNone};
        int64_t least = INT64_MAX;
        for (const StackTop& top : stacks_.tops(stacks)) {
            int64_t weight = frames_->least(top.pos) + weight_of(top.below);
            if (weight >= least) continue;
            best = top;
            least = weight;
        }
        stacks = best.below;
        if (frames_->is_guard(best.pos)) continue;  // where it matters, the automaton will not let the text pass
        open.push_back(best.pos);
        while (!open.empty()) {
            Move move = frames_->way_out(open.back());
            open.pop_back();
            if (move.next != Move::kReturn) open.push_back(move.next);
            if (move.kind == Move::Call) open.push_back(move.what);
            if (move.kind == Move::Read) read(lexer_->shortest_text(move.what));
            if (move.kind == Move::Lex) read(lexer_->shortest_text(program_->terminal(move.what).texts));
        }
    }
    return text;
}

std::string Automaton::text_of(StateId state) {
    const Item* best = nullptr;
    int64_t least = INT64_MAX;
    for (const Item& item : at(state).items) {
        int64_t weight = lexer_->shortest(item.lex) + weight_of(item.stacks);
        if (weight >= least) continue;
        best = &item;
        least = weight;
    }
    if (best == nullptr) return "";
    const Item item = *best;
    return lexer_->shortest_text(item.lex) + text_of_stacks(item.stacks);
}

// Best first, by what was read and about what is missing, to the end or to a state with a way: the states behind
// `start`, each with the byte that leads to it, if that is what `expand` goes by, which tells what follows a state.
std::vector<std::pair<StateId, uint8_t>> Automaton::search_out(StateId start, const Expand& expand) {
    std::vector<std::tuple<StateId, int32_t, uint8_t>> visits{{start, -1, 0}};  // with the index of its parent
    std::unordered_set<StateId> seen{start};
    using Open = std::tuple<int64_t, int32_t, int32_t>;  // weight, less the steps taken, index of the visit
    std::priority_queue<Open, std::vector<Open>, std::greater<>> open;
    open.emplace(0, 0, 0);
    while (!open.empty()) {
        auto [weight, less, index] = open.top();
        open.pop();
        StateId from = std::get<0>(visits[index]);
        if (index > 0 && (at(from).accepting || ways_.contains(from))) {
            std::vector<std::pair<StateId, uint8_t>> path;
            for (int32_t i = index; i > 0; i = std::get<1>(visits[i]))
                path.emplace_back(std::get<0>(visits[i]), std::get<2>(visits[i]));
            std::ranges::reverse(path);
            return path;
        }
        expand(from, [&, less = less, index = index](StateId next, uint8_t byte) {
            if (!seen.insert(next).second) return;
            visits.emplace_back(next, index, byte);
            open.emplace(1 - less + weight_of_state(next), less - 1, static_cast<int32_t>(visits.size()) - 1);
        });
        if (static_cast<long>(visits.size()) > limits_.liveness_states)
            throw LimitReached("liveness_states", limits_.liveness_states,
                               "finding a way to finish the text takes too many states");
    }
    throw GrammarProblem("no way to finish the text was found");  // no state is a dead end
}

std::string Automaton::search_way(StateId start) {
    std::string text;
    auto expand = [&](StateId from, const Reached& reached) {
        at(from).alive.for_each([&](int byte) {
            StateId next = step_locked(from, static_cast<uint8_t>(byte));
            if (next != kDead) reached(next, static_cast<uint8_t>(byte));
        });
    };
    for (auto [state, byte] : search_out(start, expand)) text.push_back(static_cast<char>(byte));
    return text;
}

// The states from `start` to the first that has a way already, or may be the last; none of them twice.
std::vector<std::pair<StateId, uint8_t>> Automaton::walk_out(StateId start) {
    std::vector<std::pair<StateId, uint8_t>> path;
    std::unordered_map<StateId, size_t> places;
    std::string text;
    size_t read = 0;
    bool is_searched = false;
    for (StateId state = start; !ways_.contains(state);) {
        if (at(state).accepting) {
            ways_.emplace(state, Way{1, state, 0});
            break;
        }
        auto [place, is_new] = places.emplace(state, path.size());
        if (!is_new) {
            for (size_t i = place->second + 1; i < path.size(); ++i) places.erase(path[i].first);
            path.resize(place->second);
        }
        if (path.empty() && text.empty()) text = text_of(state);
        StateId next = read < text.size() ? step_locked(state, static_cast<uint8_t>(text[read])) : kDead;
        if (next == kDead) {
            if (is_searched) throw GrammarProblem("the way out of a state is lost");  // the search has walked it
            text = search_way(state);
            read = 0;
            is_searched = true;
            next = step_locked(state, static_cast<uint8_t>(text[0]));
        }
        path.emplace_back(state, static_cast<uint8_t>(text[read]));
        ++read;
        state = next;
    }
    return path;
}

// The fewest tokens for the bytes ahead, given the ways of all states behind the first.
int32_t Automaton::fewest_tokens(uint8_t byte, StateId next) {
    const Trie& trie = vocabulary_->trie();
    int32_t node = 0, fewest = kFar;
    for (;;) {
        node = trie.child(node, byte);
        if (node < 0) break;
        const Way& way = ways_.at(next);
        if (!trie.tokens(node).empty()) fewest = std::min(fewest, way.tokens + 1);
        if (way.next == next) break;  // the text ends
        byte = way.byte;
        next = way.next;
    }
    return fewest;
}

// The caller holds the lexer's mutex.
int32_t Automaton::distance_locked(StateId state) {
    if (state == kTerminated) return 0;
    if (auto found = ways_.find(state); found != ways_.end()) return found->second.tokens;
    program_->weigh();
    if (program_->counts_tokens()) return distance_in_tokens(state);
    std::vector<std::pair<StateId, uint8_t>> path = walk_out(state);
    for (size_t i = path.size(); i-- > 0;) {
        auto [from, byte] = path[i];
        StateId next = step_locked(from, byte);
        ways_.insert_or_assign(from, Way{kFar, next, byte});
        ways_[from].tokens = std::min(kFar, fewest_tokens(byte, next));
    }
    return ways_.at(state).tokens;
}

int32_t Automaton::distance(StateId state) {
    collect_if_needed({&state, 1});
    std::shared_lock gc(gc_);
    at(state);
    auto told = [](int32_t tokens) { return tokens < kFar ? tokens : -1; };
    {
        std::lock_guard lock(lexer_->mutex);
        if (auto found = ways_.find(state); found != ways_.end()) return told(found->second.tokens);
    }
    Building building(*this);
    int32_t tokens = distance_locked(state);
    all_bytes_ = memory();
    return told(tokens);
}

// The tokens of the mask behind which the text can be finished with what then remains, the end token included. Where
// nearly every token leads to another state (inside an item that must differ from others) only so many are looked at.
void Automaton::fill_within(StateId state, int32_t remaining, std::span<uint32_t> row) {
    constexpr int kMost = 1000;
    fill(state, row);
    if (remaining < 1) std::ranges::fill(row, 0);
    std::shared_lock gc(gc_);
    at(state);
    Building building(*this);
    distance_locked(state);  // so that the states on its way are known
    StateId last = kDead;
    bool fits = false;
    int looked_at = 0;
    for (auto [next, token] : token_ends(state)) {
        if (next != last) {
            bool is_known =
                ways_.contains(next) || (looked_at++ < kMost && (!program_->counts_tokens() || token_alive(next)));
            fits = is_known && distance_locked(next) < remaining;
            last = next;
        }
        if (!fits) row[token / 32] &= ~(1u << (token % 32));
    }
    all_bytes_ = memory();
}

}  // namespace latticework
