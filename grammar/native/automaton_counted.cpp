// Terminals in which only so many tokens may take part.
//
// Whether a text is one of theirs depends on where its tokens end, so an item carries how many tokens it may still take
// (`Allowance`), and a state is one between two tokens: inside of a token, the terminals that have read something of it
// have paid for it; at its end those go that may only be left by now (`after_token`).
//
// Mostly the count makes no difference to what may come next: a terminal that needs at most n bytes to be completed,
// wherever in it a token ends, is read as if it were not counted until n tokens are left. Then the mask is that of the
// state without counts, which all such states share. Where fewer are left, or a terminal may take so few tokens that
// one of them may lead into it too far, each token is tried: it is allowed if some tokens behind it complete the text.

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "automaton.hpp"
#include "errors.hpp"

namespace latticework {

bool Automaton::is_counted(const Config& config) {
    return std::ranges::any_of(config.items, [](const Item& item) { return item.allowance.is_limited(); });
}

// The state between this token, if it ends here, and the next. The caller holds the lexer's mutex.
StateId Automaton::after_token(StateId state) {
    if (state == kDead || !program_->counts_tokens()) return state;
    Config& config = at(state);
    StateId known = config.after_token.load(std::memory_order_acquire);
    if (known != kUnknown) return known;
    StateId after = state;
    if (std::ranges::any_of(config.items, [](const Item& item) { return item.allowance.is_paid(); })) {
        std::vector<Item> items;
        for (Item item : config.items) {
            item.allowance = item.allowance.after_token();
            if (item.allowance.tokens() > 0) items.push_back(item);
        }
        normalise(items);
        after = intern(std::move(items), config.accepting, config.trail);
    }
    at(state).after_token.store(after, std::memory_order_release);
    return after;
}

// Of what reads the same and goes on the same, the item that may take more tokens allows all that the other does.
void Automaton::keep_largest_allowances(std::vector<Item>& items) {
    auto all_else = [](const Item& item) { return std::tie(item.lex, item.longer, item.guard, item.stacks); };
    std::ranges::sort(items, [&](const Item& a, const Item& b) {
        return std::tuple_cat(all_else(a), std::tie(b.allowance)) < std::tuple_cat(all_else(b), std::tie(a.allowance));
    });
    auto is_same = [&](const Item& a, const Item& b) { return all_else(a) == all_else(b); };
    items.erase(std::unique(items.begin(), items.end(), is_same), items.end());
}

// Whether the count makes no difference to what the next token may be.
bool Automaton::has_plenty(const Item& item) {
    if (!item.allowance.is_limited()) return true;
    return item.guard == RegexSet::kNothing && item.allowance.tokens() > item.allowance.enough;
}

// Each counted terminal must have a text that it is allowed to take by itself. The caller holds the lexer's mutex.
void Automaton::look_at_counts() {
    for (const Node& node : program_->nodes()) {
        if (node.most_tokens == 0 || !node.productive) continue;
        if (node.most_tokens > node.enough) continue;
        is_scarce_ = true;
        if (!program_->terminals().empty())
            throw GrammarProblem("max_tokens=" + std::to_string(node.most_tokens) +
                                 " is too few for a terminal of a grammar with a lexer" +
                                 (node.enough < kFar ? ": give it at least " + std::to_string(node.enough + 1) : ""));
        if (!vocabulary_->spells_every_byte()) continue;
        bool is_nullable = lexer_->nullable(node.what);
        if (!is_nullable && count_tokens(node.what, node.most_tokens, false) > node.most_tokens)
            throw VocabularyProblem("max_tokens=" + std::to_string(node.most_tokens) +
                                    " is too few for a terminal: no text of it is spelled by so few tokens of this "
                                    "vocabulary; its shortest one takes " +
                                    std::to_string(tokens_of_shortest(node.what)));
    }
}

// At least so many tokens must take part until the terminal can be left, if these are at most `most`; else more than
// that. A token may go on behind the end: whether the grammar does is not asked.
int32_t Automaton::fewest_tokens_in(ExprId lex, int32_t most) {
    if (lexer_->nullable(lex)) return 0;
    auto found = fewest_in_.find(lex);
    bool is_known =
        found != fewest_in_.end() && (found->second.tokens <= found->second.most || most <= found->second.most);
    if (is_known) return found->second.tokens;
    int32_t tokens = count_tokens(lex, most, true);
    fewest_in_.insert_or_assign(lex, Fewest{tokens, most});
    return tokens;
}

// Where one token leads to from a lexer state.
const Automaton::TokenSteps& Automaton::token_steps(ExprId lex) {
    if (auto found = token_steps_.find(lex); found != token_steps_.end()) return found->second;
    TokenSteps steps;
    const Trie& trie = vocabulary_->trie();
    std::vector<ExprId> path(static_cast<size_t>(trie.max_depth()) + 1);
    path[0] = lex;
    for (int32_t node = 1; node < trie.size();) {
        ExprId next = lexer_->step(path[trie.depth(node) - 1], trie.byte(node));
        if (next == RegexSet::kNothing) {
            node = trie.end(node);
            continue;
        }
        bool is_end = !trie.tokens(node).empty();
        steps.leaves = steps.leaves || lexer_->nullable(next);
        steps.ends = steps.ends || (is_end && lexer_->nullable(next));
        if (is_end && (steps.states.empty() || steps.states.back() != next)) steps.states.push_back(next);
        path[trie.depth(node)] = next;
        ++node;
    }
    std::ranges::sort(steps.states);
    steps.states.erase(std::unique(steps.states.begin(), steps.states.end()), steps.states.end());
    return token_steps_.emplace(lex, std::move(steps)).first->second;
}

// The fewest tokens to a text of the lexer state, where the last of them may go on behind it; more than `most` if these
// do not suffice.
int32_t Automaton::count_tokens(ExprId lex, int32_t most, bool may_go_on) {
    std::unordered_set<ExprId> seen{lex};
    std::vector<ExprId> last{lex};
    for (int32_t tokens = 1; tokens <= most && !last.empty(); ++tokens) {
        std::vector<ExprId> reached;
        for (ExprId from : last) {
            const TokenSteps& steps = token_steps(from);
            if (may_go_on ? steps.leaves : steps.ends) return tokens;
            for (ExprId next : steps.states) {
                if (seen.insert(next).second) reached.push_back(next);
            }
        }
        if (static_cast<long>(seen.size()) > limits_.liveness_states)
            throw LimitReached("liveness_states", limits_.liveness_states,
                               "deciding whether max_tokens is enough for a terminal takes too many states");
        last = std::move(reached);
    }
    return most + 1;
}

// About the fewest tokens that spell a shortest text of the terminal.
int32_t Automaton::tokens_of_shortest(ExprId lex) {
    const Trie& trie = vocabulary_->trie();
    const std::string text = lexer_->shortest_text(lex);
    int32_t tokens = 0;
    for (size_t begin = 0, longest = 0; begin < text.size(); begin += longest, ++tokens) {
        longest = 1;  // as every byte is a token
        for (int32_t node = 0, i = 0; begin + static_cast<size_t>(i) < text.size(); ++i) {
            node = trie.child(node, static_cast<uint8_t>(text[begin + static_cast<size_t>(i)]));
            if (node < 0) break;
            if (!trie.tokens(node).empty()) longest = static_cast<size_t>(i) + 1;
        }
    }
    return tokens;
}

// The state if no terminal counted. The caller holds the lexer's mutex.
StateId Automaton::uncounted(StateId state) {
    const Config& config = at(state);
    std::vector<Item> items = config.items;
    for (Item& item : items) item.allowance = {};
    normalise(items);
    return intern(std::move(items), config.accepting, config.trail);
}

// The mask, or null if counting makes no difference to it. The caller holds the lexer's mutex.
std::unique_ptr<Automaton::Mask> Automaton::build_counted_mask(StateId state) {
    const Config& config = at(state);
    bool has_plenty =
        !is_scarce_ && std::ranges::all_of(config.items, [&](const Item& item) { return this->has_plenty(item); });
    if (!has_plenty) return build_mask_checked(state);
    if (!is_counted(config)) return nullptr;
    return std::make_unique<Mask>(make_mask(uncounted(state)));
}

// Whether the terminal cannot be left before its tokens are used up.
bool Automaton::is_hopeless(const Item& item) {
    if (!item.allowance.is_limited() || item.allowance.tokens() >= item.allowance.enough) return false;
    return fewest_tokens_in(lexer_->without_counts(item.lex), item.allowance.tokens()) > item.allowance.tokens();
}

// Whether its tokens certainly suffice, if the vocabulary spells every byte.
bool Automaton::has_enough(const Item& item) {
    if (!item.allowance.is_limited() || lexer_->nullable(item.lex)) return true;
    if (item.allowance.tokens() >= item.allowance.enough) return true;
    return !is_hopeless(item) && tokens_of_shortest(item.lex) <= item.allowance.tokens();
}

// What is known of whether tokens complete the text without trying any.
Automaton::Life Automaton::life_without_search(const Config& config) {
    if (config.accepting) return Life::Alive;
    if (!program_->counts_tokens()) return vocabulary_->spells_every_byte() ? Life::Alive : Life::Unknown;
    if (std::ranges::all_of(config.items, [&](const Item& item) { return is_hopeless(item); })) return Life::Dead;
    if (!vocabulary_->spells_every_byte() || !lexemes_->keeps_apart()) return Life::Unknown;
    bool is_alive = std::ranges::any_of(config.items, [&](const Item& item) {
        bool is_free = item.guard == RegexSet::kNothing || lexemes_->fate(item.lex, item.guard) == Lexemes::Fate::Free;
        return is_free && has_enough(item);
    });
    return is_alive ? Life::Alive : Life::Unknown;
}

// ------------------------------------------------------------------------------------------------ how to finish a text

// Reads the longest token that the text begins with and that leaves the text able to be completed.
std::pair<StateId, size_t> Automaton::read_token(StateId state, std::string_view text) {
    const Trie& trie = vocabulary_->trie();
    std::pair<StateId, size_t> best{kDead, 0};
    int32_t node = 0;
    for (size_t i = 0; i < text.size() && state != kDead; ++i) {
        node = trie.child(node, static_cast<uint8_t>(text[i]));
        if (node < 0) break;
        state = step_locked(state, static_cast<uint8_t>(text[i]));
        if (state == kDead || trie.tokens(node).empty()) continue;
        StateId after = after_token(state);
        if (after != kDead && token_alive(after)) best = {after, i + 1};
    }
    return best;
}

std::vector<StateId> Automaton::search_token_way(StateId start) {
    auto expand = [&](StateId from, const Reached& reached) {
        for (auto [next, token] : token_ends(from)) {
            if (token_alive(next)) reached(next, 0);
        }
    };
    std::vector<StateId> path;
    for (auto [state, byte] : search_out(start, expand)) path.push_back(state);
    return path;
}

// The states between tokens from `start` to the first that has a way already.
std::vector<StateId> Automaton::walk_tokens_out(StateId start) {
    std::vector<StateId> path;
    std::unordered_map<StateId, size_t> places;
    std::string text;
    size_t read = 0;
    StateId state = start;
    while (!ways_.contains(state)) {
        if (at(state).accepting) {
            ways_.emplace(state, Way{1, state, 0});
            break;
        }
        auto [place, is_new] = places.emplace(state, path.size());
        if (!is_new) {
            for (size_t i = place->second + 1; i < path.size(); ++i) places.erase(path[i]);
            path.resize(place->second);
        }
        if (path.empty() && text.empty()) text = text_of(state);
        path.push_back(state);
        auto [next, length] = read_token(state, std::string_view(text).substr(read));
        if (next == kDead) {
            std::vector<StateId> rest = search_token_way(state);
            path.insert(path.end(), rest.begin(), rest.end() - 1);
            next = rest.back();
        }
        read += length;
        state = next;
    }
    path.push_back(state);
    return path;
}

// The caller holds the lexer's mutex.
int32_t Automaton::distance_in_tokens(StateId state) {
    std::vector<StateId> path = walk_tokens_out(state);
    for (size_t i = path.size() - 1; i-- > 0;) {  // what occurs twice keeps the shorter way
        int32_t tokens = std::min(kFar, ways_.at(path[i + 1]).tokens + 1);
        ways_.try_emplace(path[i], Way{tokens, path[i + 1], 0});
    }
    return ways_.at(state).tokens;
}

}  // namespace latticework
