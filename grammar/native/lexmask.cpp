#include "lexmask.hpp"

#include <algorithm>

namespace latticework {
namespace {

constexpr int kWideFromBytes = 24;
constexpr size_t kMostExits = 2048;

struct Chain {
    std::vector<ExprId> states;  // states[j]: after j characters of the class
    bool endless = false;        // the last state leads to itself
    bool clean = false;          // behind a bounded chain no character of the class can come
};

class LexMaskBuilder {
public:
    LexMaskBuilder(Lexer& lexer, Vocabulary& vocabulary)
        : lexer_(lexer), vocabulary_(vocabulary), mask_(std::make_shared<LexMask>()) {}

    std::shared_ptr<LexMask> build(ExprId state) {
        if (!use_slice(state)) walk(vocabulary_.trie(), 0, state);
        compress();
        return mask_;
    }

private:
    // Follows the class of the first state as long as every character of it leads on to one state.
    Chain chain_of(ExprId state, const CharClass& chars, int longest) {
        Chain chain{{state}, false, false};
        while (static_cast<int>(chain.states.size()) <= longest) {
            const Loop& loop = lexer_.loop(chain.states.back());
            if (!loop.chars.covers(chars)) break;
            if (loop.target == chain.states.back()) {
                chain.endless = true;
                return chain;
            }
            chain.states.push_back(loop.target);
        }
        chain.clean = static_cast<int>(chain.states.size()) > longest ||
                      !lexer_.alive(chain.states.back()).intersects(chars.first_bytes());
        return chain;
    }

    bool use_slice(ExprId state) {
        const CharClass chars = lexer_.loop(state).chars;
        if (chars.ascii.count() < 8) return false;
        ClassSlice* slice = vocabulary_.slice(chars);
        if (slice == nullptr) return false;
        Chain chain = chain_of(state, chars, slice->longest_run());
        if (!chain.endless && !chain.clean) return false;
        int last = static_cast<int>(chain.states.size()) - 1;
        mask_->bases.push_back(slice->pure(chain.endless ? slice->longest_run() : last));
        walk_other_first_bytes(state, chars);
        for (int run = 0; run <= last; ++run) {
            bool inside_run = run > 0 || (chain.endless && last == 0);
            if (inside_run && lexer_.nullable(chain.states[run])) mask_->run_exits = chars.first_bytes();
            bool looping = chain.endless && run == last;
            for (int j = run; j <= (looping ? slice->longest_run() : std::min(run, slice->longest_run())); ++j) {
                if (looping && last == 0) break;
                walk(slice->remainders(j), 0, chain.states[run]);
            }
        }
        if (chain.endless && last == 0) walk(slice->all_remainders(), 0, state);
        return true;
    }

    // The tokens whose first byte begins no character of the class.
    void walk_other_first_bytes(ExprId state, const CharClass& chars) {
        const Trie& trie = vocabulary_.trie();
        ByteSet skipped = chars.ascii;
        if (chars.wide) skipped = skipped | ByteSet::range(0x80, 0xFF);
        for (int32_t node = 1; node < trie.size(); node = trie.end(node)) {
            if (!skipped.contains(trie.byte(node))) walk_child(trie, node, state);
        }
    }

    void walk_child(const Trie& trie, int32_t node, ExprId state) {
        ExprId next = lexer_.step(state, trie.byte(node));
        if (next == RegexSet::kNothing) return;
        arrive(trie, node, next);
        if (!lexer_.alive(next).empty()) walk(trie, node, next);
    }

    void arrive(const Trie& trie, int32_t node, ExprId state) {
        for (TokenId token : trie.tokens(node)) mask_->tokens.push_back(token);
        bool inner = trie.end(node) > node + 1;
        if (inner && lexer_.nullable(state)) mask_->exits.push_back({&trie, node});
    }

    // Walks the subtree below `root`, where `state` is the state at `root`. A token of the root of a trie of remainders
    // would be pure, so the root itself only matters as an exit.
    void walk(const Trie& trie, int32_t root, ExprId state) {
        if (&trie != &vocabulary_.trie() && root == 0 && lexer_.nullable(state) && trie.size() > 1) {
            mask_->exits.push_back({&trie, 0});
        }
        int base = trie.depth(root);
        if (path_.size() < static_cast<size_t>(trie.max_depth()) + 1) path_.resize(static_cast<size_t>(trie.max_depth()) + 1);
        path_[0] = state;
        for (int32_t node = root + 1; node < trie.end(root);) {
            int depth = trie.depth(node) - base;
            ExprId next = lexer_.step(path_[depth - 1], trie.byte(node));
            if (next == RegexSet::kNothing) {
                node = trie.end(node);
                continue;
            }
            arrive(trie, node, next);
            path_[depth] = next;
            node = lexer_.alive(next).empty() ? trie.end(node) : node + 1;
        }
    }

    void compress() {
        mask_->usable = mask_->exits.size() <= kMostExits;
        if (mask_->tokens.size() <= static_cast<size_t>(vocabulary_.words())) return;
        auto bits = std::make_shared<Bits>(static_cast<size_t>(vocabulary_.words()), 0u);
        for (TokenId token : mask_->tokens) set_bit(*bits, token);
        mask_->tokens = {};
        mask_->bases.push_back(std::move(bits));
    }

    Lexer& lexer_;
    Vocabulary& vocabulary_;
    std::shared_ptr<LexMask> mask_;
    std::vector<ExprId> path_;
};

}  // namespace

size_t LexMask::memory() const {
    return sizeof(LexMask) + tokens.capacity() * sizeof(TokenId) + exits.capacity() * sizeof(LexExit);
}

bool deserves_mask(Lexer& lexer, ExprId state) {
    const Expr& expr = lexer.regex[state];
    ExprKind head = expr.kind == ExprKind::Concat ? lexer.regex[expr.a].kind : expr.kind;
    return head == ExprKind::Repeat || lexer.alive(state).count() >= kWideFromBytes;
}

std::shared_ptr<const LexMask> lex_mask(Lexer& lexer, Vocabulary& vocabulary, ExprId state) {
    if (lexer.mask_slot(state) != nullptr) return lexer.mask_slot(state);
    std::shared_ptr<const LexMask> mask = LexMaskBuilder(lexer, vocabulary).build(state);
    lexer.count_bytes(mask->memory());
    for (const SharedBits& base : mask->bases) {
        if (base.use_count() == 1) lexer.count_bytes(base->size() * sizeof(uint32_t));
    }
    lexer.mask_slot(state) = mask;
    return mask;
}

}  // namespace latticework
