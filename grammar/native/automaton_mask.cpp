// Masks: which tokens may come next in a state.
//
// The plain way is one walk of the token trie, stepping the automaton: `walk_trie`. Where a state reads many different
// bytes (inside a string, an identifier) the walk would visit most of the vocabulary, so those lexer states bring their
// own mask (lexmask.hpp), shared by all grammars, and only what leaves the lexeme is walked here.

#include <algorithm>
#include <iterator>

#include "automaton.hpp"
#include "errors.hpp"

namespace latticework {

size_t Automaton::count_bytes(const Mask& mask) {
    size_t bytes = sizeof(Mask) + (mask.tokens.capacity() + mask.cleared.capacity()) * sizeof(TokenId) +
                   mask.bases.capacity() * sizeof(SharedBits) + mask.lists.capacity() * sizeof(SharedTokens);
    for (const SharedBits& base : mask.bases) {
        if (base.use_count() == 1) bytes += base->size() * sizeof(uint32_t);
    }
    return bytes;
}

void Automaton::fill(std::span<const StateId> states, uint32_t* rows, size_t width) {
    collect_if_needed(states);
    std::shared_lock gc(gc_);
    for (size_t i = 0; i < states.size(); ++i) fill_row(states[i], {rows + i * width, width});
}

void Automaton::fill_row(StateId state, std::span<uint32_t> row) {
    const Config& config = at(state);
    const Mask& mask = mask_of(state);
    std::span<uint32_t> words = row.first(static_cast<size_t>(vocabulary_->words()));
    write(mask, words);
    if (config.accepting) {
        for (TokenId token : vocabulary_->eos()) set_bit(words, token);
    }
    std::ranges::fill(row.subspan(words.size()), 0u);
}

const Automaton::Mask& Automaton::mask_of(StateId state) {
    Config& config = at(state);
    const Mask* known = config.mask.load(std::memory_order_acquire);
    if (known != nullptr) return *known;
    Building building(*this);
    const Mask& mask = make_mask(state);
    all_bytes_ = memory();
    if (lexer_->mask_memory() > limits_.lexer_bytes) lexer_->drop_masks();
    return mask;
}

// The caller holds the lexer's mutex.
const Automaton::Mask& Automaton::make_mask(StateId state) {
    Config& config = at(state);
    const Mask* known = config.mask.load();
    if (known != nullptr) return *known;
    std::unique_ptr<Mask> mask;
    if (program_->counts_tokens() && vocabulary_->spells_every_byte()) mask = build_counted_mask(state);
    if (mask == nullptr) {
        mask = !vocabulary_->spells_every_byte() ? build_mask_checked(state)
               : config.trail                    ? build_trail_mask(state)
               : is_split_by_lexemes()           ? build_lexeme_mask(state)
                                                 : build_mask(state);
    }
    flatten(*mask);
    for (SharedBits& base : mask->bases) base = same_row(base);
    mask->bytes = count_bytes(*mask);
    bytes_ += mask->bytes;
    ++masks_;
    known = mask.release();
    config.mask.store(known, std::memory_order_release);
    return *known;
}

// A row that equals this one, if a mask has it: text that is nested ever deeper meets the same masks in ever new
// states.
SharedBits Automaton::same_row(const SharedBits& row) {
    if (row.use_count() > 1) return row;  // shared in another way
    uint64_t hash = row->size();
    for (uint32_t word : *row) hash = mix(hash, word);
    std::weak_ptr<const Bits>& known = rows_[hash];
    SharedBits found = known.lock();
    if (found && *found == *row) return found;
    known = row;
    return row;
}

// One row instead of what takes longer to put together than to copy.
void Automaton::flatten(Mask& mask) const {
    auto words = static_cast<size_t>(vocabulary_->words());
    size_t work = mask.tokens.size() + mask.cleared.size();
    for (const SharedTokens& list : mask.lists) work += list->size();
    if (mask.bases.size() > 1) work += (mask.bases.size() - 1) * words / 4;
    if (work <= words) return;
    auto bits = std::make_shared<Bits>(words, 0u);
    write(mask, *bits);
    mask = Mask{};
    mask.bases.push_back(std::move(bits));
}

void Automaton::write(const Tokens& tokens, std::span<uint32_t> words) {
    for (const SharedBits& base : tokens.bases) {
        for (size_t word = 0; word < words.size(); ++word) words[word] |= (*base)[word];
    }
    for (const SharedTokens& list : tokens.lists) {
        for (TokenId token : *list) set_bit(words, token);
    }
    for (TokenId token : tokens.tokens) set_bit(words, token);
}

void Automaton::write(const Mask& mask, std::span<uint32_t> words) {
    if (mask.bases.empty()) {
        std::ranges::fill(words, 0u);
    } else {
        std::ranges::copy(*mask.bases[0], words.begin());
    }
    for (size_t i = 1; i < mask.bases.size(); ++i) {
        const Bits& base = *mask.bases[i];
        for (size_t word = 0; word < words.size(); ++word) words[word] |= base[word];
    }
    for (const SharedTokens& list : mask.lists) {
        for (TokenId token : *list) set_bit(words, token);
    }
    for (TokenId token : mask.cleared) clear_bit(words, token);
    for (TokenId token : mask.tokens) set_bit(words, token);
}

std::unique_ptr<Automaton::Mask> Automaton::build_mask(StateId state) {
    auto mask = std::make_unique<Mask>();
    std::vector<Item> narrow;
    const Config& config = at(state);
    for (const Item& item : config.items) {
        bool done = can_split(item) && add_lex_mask(item, *mask);
        if (!done) narrow.push_back(item);
    }
    Mask walked;  // by itself: what the masks of lexer states have cleared must not be taken from it
    walk_narrow(vocabulary_->trie(), 0, state, std::move(narrow), walked);
    unite(*mask, std::move(walked));
    return mask;
}

// Whether what stays inside the lexeme and what leaves it is told by the lexer state. Of few bytes one walk of the
// state is cheaper.
bool Automaton::can_split(const Item& item) const {
    return program_->terminals().empty() && deserves_mask(*lexer_, item.lex);
}

// The tokens of some of the items of a state.
void Automaton::walk_narrow(const Trie& trie, int32_t root, StateId state, std::vector<Item> narrow, Tokens& out) {
    if (narrow.empty()) return;
    walk_trie(trie, root, narrow.size() == at(state).items.size() ? state : intern(std::move(narrow), false), out);
}

// False where the lexeme may also end inside a run of its own characters and those may begin what follows: then only
// the plain walk sees every way to split the token.
bool Automaton::add_lex_mask(const Item& item, Mask& mask) {
    std::shared_ptr<const LexMask> lex = lex_mask(*lexer_, *vocabulary_, item.lex);
    StateId next = kDead;
    if (!lex->exit_bytes.empty()) {
        const Fragment& follow = closure(item.stacks);
        if (follow.opens_different) return false;
        next = state_of(follow);
    }
    bool goes_on = next != kDead && !at(next).alive.empty();
    if (goes_on && (!lex->usable || at(next).alive.intersects(lex->run_exits))) return false;
    Mask own;
    collect_lex_mask(lex, next, own);
    unite(mask, std::move(own));
    return true;
}

// What a lexer state says, and what goes on behind the lexeme from `next`.
void Automaton::collect_lex_mask(const std::shared_ptr<const LexMask>& lex, StateId next, Mask& mask) {
    mask.bases.insert(mask.bases.end(), lex->bases.begin(), lex->bases.end());
    if (lex->base == nullptr) {
        mask.lists.push_back(SharedTokens(lex, &lex->tokens));
        mask.share(exit_tokens(lex, next));
        return;
    }
    collect_lex_mask(lex->base, next, mask);
    std::erase_if(mask.tokens, [&](TokenId token) { return std::ranges::binary_search(lex->cleared, token); });
    mask.cleared.insert(mask.cleared.end(), lex->cleared.begin(), lex->cleared.end());
    mask.add(lex->tokens);
    Mask leaving;
    leaving.share(exit_tokens(lex, next));
    unite(mask, std::move(leaving));
}

// The tokens that leave a lexeme and go on from `next`. The states of one string (its lengths, the names it may not be)
// share their base, so for each place in a grammar this is computed once.
std::shared_ptr<const Automaton::Tokens> Automaton::exit_tokens(const std::shared_ptr<const LexMask>& lex,
                                                                StateId next) {
    static const auto kNone = std::make_shared<const Tokens>();
    if (next == kDead || lex->exits.exits.empty()) return kNone;
    ExitKey key{lex.get(), next};
    if (auto found = exit_tokens_.find(key); found != exit_tokens_.end()) return found->second.tokens;
    auto tokens = std::make_shared<Tokens>();
    (at(next).alive & lex->exits.bytes).for_each([&](int byte) {
        std::span<const LexExit> exits = lex->exits.by(static_cast<uint8_t>(byte));
        auto goes_on = [](const LexExit& exit) { return exit.trie->end(exit.node) > exit.node + 1; };
        bool needs_step = !at(next).is_certain || std::ranges::any_of(exits, goes_on);
        StateId after = needs_step ? step_locked(next, static_cast<uint8_t>(byte)) : next;
        if (after == kDead) return;
        for (const LexExit& exit : exits) {
            tokens->add(exit.trie->tokens(exit.node));
            if (goes_on(exit)) tokens_below(*exit.trie, exit.node, after, *tokens);
        }
    });
    exit_bytes_ += tokens->memory() + sizeof(ExitEntry) + 64;
    exit_tokens_.emplace(key, ExitEntry{lex, tokens});
    return tokens;
}

// A token that one of the two clears may be in a base of the other: then it is named.
void Automaton::unite(Mask& mask, Mask other) {
    for (std::vector<TokenId>* cleared : {&mask.cleared, &other.cleared}) {
        std::ranges::sort(*cleared);
        cleared->erase(std::unique(cleared->begin(), cleared->end()), cleared->end());
    }
    auto rescue = [&](const std::vector<TokenId>& of_one, const Mask& from) {
        std::vector<TokenId> cleared;  // by one of the two only
        std::ranges::set_difference(of_one, from.cleared, std::back_inserter(cleared));
        if (cleared.empty()) return;
        auto keep = [&](TokenId token) {
            if (std::ranges::binary_search(cleared, token)) mask.tokens.push_back(token);
        };
        for (const SharedTokens& list : from.lists) std::ranges::for_each(*list, keep);
        for (TokenId token : cleared) {
            auto holds = [&](const SharedBits& base) { return test_bit(*base, token); };
            if (std::ranges::any_of(from.bases, holds)) mask.tokens.push_back(token);
        }
    };
    rescue(mask.cleared, other);
    rescue(other.cleared, mask);
    mask.lists.insert(mask.lists.end(), other.lists.begin(), other.lists.end());
    mask.bases.insert(mask.bases.end(), other.bases.begin(), other.bases.end());
    mask.cleared.insert(mask.cleared.end(), other.cleared.begin(), other.cleared.end());
    mask.tokens.insert(mask.tokens.end(), other.tokens.begin(), other.tokens.end());
}

// The tokens below a node, at which `state` is reached. Where they are many, what stays inside a lexeme there is known
// by the lexer state: the words behind a space.
void Automaton::tokens_below(const Trie& trie, int32_t node, StateId state, Tokens& out) {
    constexpr int32_t kMany = 256;
    if (trie.end(node) == node + 1) return;
    if (trie.end(node) - node < kMany || &trie != &vocabulary_->trie() || at(state).trail)
        return walk_trie(trie, node, state, out);
    std::vector<Item> narrow;
    const Config& config = at(state);
    for (const Item& item : config.items) {
        if (!can_split(item)) {
            narrow.push_back(item);
            continue;
        }
        const std::shared_ptr<const LexMask>& lex = mask_below(item.lex, node);
        if (!lex->exit_bytes.empty()) {
            const Fragment& follow = closure(item.stacks);
            if (!lex->usable || follow.opens_different) {
                narrow.push_back(item);
                continue;
            }
            out.share(exit_tokens(lex, state_of(follow)));
        }
        out.bases.insert(out.bases.end(), lex->bases.begin(), lex->bases.end());
        if (!lex->tokens.empty()) out.lists.push_back(SharedTokens(lex, &lex->tokens));
    }
    walk_narrow(trie, node, state, std::move(narrow), out);
}

const std::shared_ptr<const LexMask>& Automaton::mask_below(ExprId lex, int32_t node) {
    uint64_t key = (static_cast<uint64_t>(lex) << 32) | static_cast<uint32_t>(node);
    std::shared_ptr<const LexMask>& mask = masks_below_[key];
    if (mask == nullptr) {
        mask = lex_mask_below(*lexer_, *vocabulary_, lex, node);
        exit_bytes_ += mask->memory() + 64;
        for (const SharedBits& base : mask->bases) exit_bytes_ += base->size() * sizeof(uint32_t);
    }
    return mask;
}

void Automaton::walk_trie(const Trie& trie, int32_t root, StateId state, Tokens& out) {
    constexpr int32_t kMany = 256;
    int32_t end = trie.end(root);
    auto depths = static_cast<size_t>(trie.max_depth()) + 1;
    if (walk_path_.size() < depths) walk_path_.resize(depths);
    walk_path_[trie.depth(root)] = {state, &at(state)};
    for (int32_t node = root + 1; node < end;) {
        int depth = trie.depth(node);
        uint8_t byte = trie.byte(node);
        const auto [from, config] = walk_path_[depth - 1];
        if (config->is_certain && trie.end(node) == node + 1) {  // what comes after the token need not be known
            if (config->alive.contains(byte)) out.add(trie.tokens(node));
            ++node;
            continue;
        }
        StateId next = known_step(*config, byte);
        if (next == kUnknown) next = step_locked(from, byte);
        if (next == kDead) {
            node = trie.end(node);
            continue;
        }
        out.add(trie.tokens(node));
        if (trie.end(node) - node >= kMany) {
            tokens_below(trie, node, next, out);
            node = trie.end(node);
            continue;
        }
        walk_path_[depth] = {next, &at(next)};
        node = walk_path_[depth].second->alive.empty() ? trie.end(node) : node + 1;
    }
}

// -------------------------------- vocabularies that cannot spell every byte, and terminals that count: look further

// A text that can be completed may still have no completion in tokens. Then a token is allowed only if some sequence of
// tokens leads from its end to an accepting state.
std::unique_ptr<Automaton::Mask> Automaton::build_mask_checked(StateId state) {
    auto mask = std::make_unique<Mask>();
    std::unordered_map<StateId, bool> allowed;
    StateId last = kDead;
    bool is_allowed = false;
    visit_token_ends(state, [&](StateId reached, std::span<const TokenId> tokens) {
        if (reached != last) {
            auto [found, is_new] = allowed.try_emplace(reached, false);
            if (is_new) {
                StateId end = after_token(reached);
                found->second = end != kDead && token_alive(end);
            }
            last = reached;
            is_allowed = found->second;
        }
        if (is_allowed) mask->add(tokens);
    });
    return mask;
}

// Calls `visit` with the state that tokens lead to, before they are over, and the tokens.
template <typename Visit>
void Automaton::visit_token_ends(StateId state, Visit visit) {
    const Trie& trie = vocabulary_->trie();
    std::vector<std::pair<StateId, const Config*>> path(static_cast<size_t>(trie.max_depth()) + 1);
    path[0] = {state, &at(state)};
    for (int32_t node = 1; node < trie.size();) {
        const auto [from, config] = path[trie.depth(node) - 1];
        StateId next = known_step(*config, trie.byte(node));
        if (next == kUnknown) next = step_locked(from, trie.byte(node));
        if (next == kDead) {
            node = trie.end(node);
            continue;
        }
        path[trie.depth(node)] = {next, &at(next)};
        if (!trie.tokens(node).empty()) visit(next, trie.tokens(node));
        ++node;
    }
}

// The states between tokens that the next one may lead to, each with that token.
std::vector<std::pair<StateId, int32_t>> Automaton::token_ends(StateId state) {
    std::vector<std::pair<StateId, int32_t>> ends;
    visit_token_ends(state, [&](StateId reached, std::span<const TokenId> tokens) {
        StateId end = after_token(reached);
        if (end == kDead) return;
        for (TokenId token : tokens) ends.emplace_back(end, token);
    });
    return ends;
}

bool Automaton::token_alive(StateId state) {
    if (known_token_life(state) == Life::Unknown) search_token_life(state);
    return at(state).token_life.load() == Life::Alive;
}

Automaton::Life Automaton::known_token_life(StateId state) {
    Config& config = at(state);
    Life life = config.token_life.load();
    if (life != Life::Unknown) return life;
    life = life_without_search(config);
    if (life != Life::Unknown) at(state).token_life = life;
    return life;
}

// Breadth first over tokens until an accepting state; success marks the path, failure everything that was visited.
void Automaton::search_token_life(StateId start) {
    std::vector<std::pair<StateId, int32_t>> visits{{start, -1}};  // state, index of its parent
    std::unordered_set<StateId> seen{start};
    auto succeed = [&](int32_t last) {
        for (; last >= 0; last = visits[last].second) at(visits[last].first).token_life = Life::Alive;
    };
    for (size_t i = 0; i < visits.size(); ++i) {
        if (static_cast<long>(visits.size()) > limits_.liveness_states) {
            throw LimitReached("liveness_states", limits_.liveness_states,
                               "deciding whether this vocabulary can complete a text takes too many states");
        }
        for (auto [end, token] : token_ends(visits[i].first)) {
            if (!seen.insert(end).second) continue;
            Life life = known_token_life(end);
            if (life == Life::Alive) return succeed(static_cast<int32_t>(i));
            if (life == Life::Unknown) visits.emplace_back(end, static_cast<int32_t>(i));
        }
    }
    for (auto [state, parent] : visits) at(state).token_life = Life::Dead;
}

// Called once, at compile time.
void Automaton::require_spelling() {
    if (vocabulary_->spells_every_byte() || token_alive(start_)) return;
    StateId state = start_;
    std::string text;
    while (state != kDead && !at(state).accepting && at(state).alive.count() == 1) {
        uint8_t byte = at(state).alive.first();
        state = step_locked(state, byte);
        if (byte >= 0x20 && byte < 0x7F) {
            text.push_back(static_cast<char>(byte));
            continue;
        }
        constexpr char kDigits[] =
            "0123456789abcdef";  // of what may be half a character, or the mark of a special token
        text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    std::string message = "no sequence of tokens of this vocabulary spells a text of the grammar";
    if (!text.empty()) message += "; every text begins with '" + text + "'";
    throw VocabularyProblem(message);
}

}  // namespace latticework
