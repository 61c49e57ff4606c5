// Masks of grammars with a lexer: each lexeme by itself, and what follows it once for the frames on top.
//
// What a lexeme makes of some places within tokens is known without the grammar (reach.hpp). What goes on behind it
// depends on the stacks; but in nested text each depth has stacks of its own, and a token rarely reaches further than
// the frames on top: behind an operator an operand comes, whatever encloses the expression. So the stacks are cut below
// the first frames that are there to stay, and what goes on from some places is found once for what is left. Where that
// may end within a token, it goes on from what is really below, which is cut again. So a text that is nested once
// deeper than all before has nothing new but the few stacks on top.
//
// An item is looked at by itself, and so are the tokens that it allows. Where it cannot be told without the others
// whether a text can be completed (guards that stay open), or without the text so far (items that must differ), the
// tokens in doubt are kept apart. Mostly others of the items allow them too; those that are left are stepped.

#include <algorithm>
#include <bit>

#include "automaton.hpp"

namespace latticework {

// The caller holds the lexer's mutex.
std::unique_ptr<Automaton::Mask> Automaton::build_lexeme_mask(StateId state) {
    auto row = std::make_shared<Bits>(static_cast<size_t>(vocabulary_->words()), 0u);
    std::vector<TokenId> doubts;
    for (const Item& item : at(state).items) add_item(item, *row, doubts);
    std::erase_if(doubts, [&](TokenId token) { return test_bit(*row, token); });
    for (TokenId token : doubts) {
        if (allows(state, vocabulary_->token(token))) set_bit(*row, token);
    }
    auto mask = std::make_unique<Mask>();
    size_t count = 0;
    for (uint32_t word : *row) count += static_cast<size_t>(std::popcount(word));
    if (count > row->size() / 4) {
        mask->bases.push_back(std::move(row));
        return mask;
    }
    mask->tokens.reserve(count);
    for (size_t word = 0; word < row->size(); ++word) {
        for (uint32_t rest = (*row)[word]; rest != 0; rest &= rest - 1)
            mask->tokens.push_back(static_cast<TokenId>(word * 32 + static_cast<size_t>(std::countr_zero(rest))));
    }
    return mask;
}

bool Automaton::allows(StateId state, std::string_view text) {
    for (size_t i = 0; i < text.size() && state != kDead; ++i)
        state = step_locked(state, static_cast<uint8_t>(text[i]));
    return state != kDead;
}

void Automaton::add_item(const Item& item, Bits& row, std::vector<TokenId>& doubts) {
    if (item.is_plain()) {
        std::shared_ptr<const LexMask> lex = lex_mask(*lexer_, *vocabulary_, item.lex);
        bool may_run_on = !lex->run_exits.empty() && closure(cut(item.stacks).above).alive.intersects(lex->run_exits);
        if (lex->usable && !may_run_on) return add_lex_mask(lex, item.stacks, row, doubts);
    }
    Tokens out;
    read_on(reaches_->beginnings(), item, out);
    write(out, row);
    doubts.insert(doubts.end(), out.doubts.begin(), out.doubts.end());
}

void Automaton::add_lex_mask(const std::shared_ptr<const LexMask>& lex, StackId stacks, Bits& row,
                             std::vector<TokenId>& doubts) {
    if (lex->base != nullptr) {
        Bits own(row.size(), 0u);
        add_lex_mask(lex->base, stacks, own, doubts);
        for (TokenId token : lex->cleared) clear_bit(own, token);
        for (size_t word = 0; word < row.size(); ++word) row[word] |= own[word];
    }
    Tokens out;
    out.bases = lex->bases;
    out.lists.push_back(SharedTokens(lex, &lex->tokens));
    go_on(SharedPlaces(lex, &lex->exits), stacks, out);
    write(out, row);
    doubts.insert(doubts.end(), out.doubts.begin(), out.doubts.end());
}

// The tokens of which the item reads something from some places on.
void Automaton::read_on(const SharedPlaces& places, const Item& item, Tokens& out) {
    std::span<const StackTop> tops = stacks_.tops(item.stacks);
    bool has_tail = tops.size() == 1 && !stacks_.has_empty(item.stacks) && frames_->is_guard(tops[0].pos);
    ExprId tail = has_tail ? frames_->texts_of_guard(tops[0].pos) : RegexSet::kNothing;
    std::shared_ptr<const Reach> reach = reaches_->of(places, {item.lex, item.longer, item.guard, tail});
    if (item.guard != RegexSet::kNothing) {
        reach->visit([&](TokenId token) { out.doubts.push_back(token); });
    } else {
        if (reach->bits != nullptr) out.bases.push_back(reach->bits);
        out.share(SharedTokens(reach, &reach->tokens));
    }
    for (const Reach::End& end : reach->ends) {
        StackId stacks = item.stacks;
        if (end.guard != RegexSet::kNothing) stacks = stacks_.push(frames_->guard(end.guard), stacks);
        go_on(end.places, stacks, out);
    }
}

// The tokens that go on with what the stacks say.
void Automaton::go_on(const SharedPlaces& places, StackId stacks, Tokens& out) {
    if (places->exits.empty()) return;
    const Cut& here = cut(stacks);
    if (here.reaches_bottom) {
        out.endings.push_back({places, stacks});
        return;
    }
    const Fragment& follow = closure(here.above);
    if (!follow.alive.intersects(places->bytes)) return;
    if (follow.opens_different) return out.doubt(*places, follow.alive);
    std::shared_ptr<const Tokens> tokens = following(places, here.above);
    out.share(tokens);
    std::unordered_map<StackId, StackId> known;
    for (const Ending& ending : tokens->endings) go_on(ending.places, put_below(ending.stacks, here.below, known), out);
}

std::shared_ptr<const Automaton::Tokens> Automaton::following(const SharedPlaces& places, StackId above) {
    FollowingKey key{places.get(), above};
    if (auto found = following_.find(key); found != following_.end()) return found->second.tokens;
    auto tokens = std::make_shared<Tokens>();
    for (const Item& item : closure(above).items) {
        if (lexer_->alive(item.lex).intersects(places->bytes)) read_on(places, item, *tokens);
    }
    tokens->settle();
    exit_bytes_ += sizeof(FollowingKey) + sizeof(FollowingEntry) + 64 + tokens->memory();
    following_.emplace(key, FollowingEntry{places, tokens});
    return tokens;
}

// The stacks down to the first frames that are not complete, and a bottom below each of these.
const Automaton::Cut& Automaton::cut(StackId stacks) {
    if (auto found = cuts_.find(stacks); found != cuts_.end()) return found->second;
    Cut result;
    std::unordered_map<StackId, StackId> known;
    result.above = cut(stacks, result, known);
    closure_bytes_ += sizeof(Cut) + 48 + result.below.capacity() * sizeof(StackId);
    return cuts_.emplace(stacks, std::move(result)).first->second;
}

StackId Automaton::cut(StackId stacks, Cut& out, std::unordered_map<StackId, StackId>& known) {
    if (auto found = known.find(stacks); found != known.end()) return found->second;
    StackId result = stacks_.has_empty(stacks) ? StackSets::kOnlyEmpty : StackSets::kNone;
    std::span<const StackTop> span = stacks_.tops(stacks);
    for (const StackTop& top : std::vector<StackTop>(span.begin(), span.end())) {
        StackId below = top.below;
        if (frames_->is_bottom(top.pos)) {
            out.reaches_bottom = true;
        } else if (frames_->is_guard(top.pos) || frames_->pops(top.pos)) {
            below = cut(below, out, known);
        } else {
            auto found = std::ranges::find(out.below, below);
            auto index = static_cast<int32_t>(found - out.below.begin());
            if (found == out.below.end()) out.below.push_back(below);
            below = stacks_.push(frames_->bottom(index), StackSets::kNone);
        }
        result = stacks_.unite(result, stacks_.push(top.pos, below));
    }
    known.emplace(stacks, result);
    return result;
}

// The stacks with what is really there in place of the bottoms.
StackId Automaton::put_below(StackId stacks, const std::vector<StackId>& below,
                             std::unordered_map<StackId, StackId>& known) {
    if (auto found = known.find(stacks); found != known.end()) return found->second;
    StackId result = stacks_.has_empty(stacks) ? StackSets::kOnlyEmpty : StackSets::kNone;
    std::span<const StackTop> span = stacks_.tops(stacks);
    for (const StackTop& top : std::vector<StackTop>(span.begin(), span.end())) {
        StackId put = frames_->is_bottom(top.pos) ? below[frames_->index_of_bottom(top.pos)]
                                                  : stacks_.push(top.pos, put_below(top.below, below, known));
        result = stacks_.unite(result, put);
    }
    known.emplace(stacks, result);
    return result;
}

void Automaton::Tokens::share(const SharedTokens& list) {
    constexpr size_t kFew = 32;
    if (list->size() > kFew) {
        lists.push_back(list);
    } else {
        add(*list);
    }
}

void Automaton::Tokens::share(const std::shared_ptr<const Tokens>& other) {
    bases.insert(bases.end(), other->bases.begin(), other->bases.end());
    lists.insert(lists.end(), other->lists.begin(), other->lists.end());
    share(SharedTokens(other, &other->tokens));
    doubts.insert(doubts.end(), other->doubts.begin(), other->doubts.end());
}

void Automaton::Tokens::doubt(const Places& places, const ByteSet& bytes) {
    (bytes & places.bytes).for_each([&](int byte) {
        for (const LexExit& exit : places.by(static_cast<uint8_t>(byte))) {
            std::span<const TokenId> below = exit.trie->subtree_tokens(exit.node);
            doubts.insert(doubts.end(), below.begin(), below.end());
        }
    });
}

// Each thing once.
void Automaton::Tokens::settle() {
    auto once = [](auto& values, auto key) {
        std::ranges::sort(values, {}, key);
        auto same = [&](const auto& a, const auto& b) { return key(a) == key(b); };
        values.erase(std::unique(values.begin(), values.end(), same), values.end());
        values.shrink_to_fit();
    };
    once(bases, [](const SharedBits& bits) { return bits.get(); });
    once(lists, [](const SharedTokens& list) { return list.get(); });
    once(tokens, [](TokenId token) { return token; });
    once(doubts, [](TokenId token) { return token; });
    once(endings, [](const Ending& ending) { return std::pair(ending.stacks, ending.places.get()); });
}

}  // namespace latticework
