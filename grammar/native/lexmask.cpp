#include "lexmask.hpp"

#include <algorithm>

namespace latticework {
namespace {

constexpr int kWideFromBytes = 24;
constexpr size_t kMostExits = 2048;
constexpr int kCountedFrom = 16;  // shorter bounds are common among tokens: slices serve them better
constexpr int kStepsToLoop = 4;
constexpr size_t kMostCleared = 20000;

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
        if (differs_by_long_tokens(state) || differs_from_loop(state)) {
            mask_->usable = mask_->usable && mask_->base->usable;
            mask_->run_exits = mask_->base->run_exits;
        } else if (!use_slice(state)) {
            walk(vocabulary_.trie(), 0, state);
        }
        compress();
        return mask_;
    }

    std::shared_ptr<LexMask> build_below(ExprId state, int32_t node) {
        walk(vocabulary_.trie(), node, state);
        compress();
        return mask_;
    }

private:
    // x{m,n}t against x{m,}t: a token of at most n bytes cannot tell them apart, since x is not empty.
    bool differs_by_long_tokens(ExprId state) {
        RegexSet& regex = lexer_.regex;
        const Expr whole = regex[state];
        const Expr loop = whole.kind == ExprKind::Concat ? regex[whole.a] : whole;
        bool counted = loop.kind == ExprKind::Repeat && loop.c >= kCountedFrom && !regex[loop.a].nullable;
        if (!counted) return false;
        ExprId unbounded = regex.repeat(loop.a, loop.b, RegexSet::kUnbounded);
        if (whole.kind == ExprKind::Concat) unbounded = regex.concat(unbounded, whole.b);
        mask_->base = lex_mask(lexer_, vocabulary_, unbounded);
        if (loop.c >= vocabulary_.longest()) return true;
        const Trie& longer = vocabulary_.longer_than(loop.c);
        std::span<const TokenId> tokens = longer.subtree_tokens(0);
        mask_->cleared.assign(tokens.begin(), tokens.end());
        walk(longer, 0, state);
        return true;
    }

    // A state whose characters lead, in a few steps, to one that loops on itself: walk both and stop where they meet.
    bool differs_from_loop(ExprId state) {
        ExprId target = state;
        for (int steps = 0; steps < kStepsToLoop && lexer_.loop(target).target != target; ++steps) {
            target = lexer_.loop(target).target;
            if (target == RegexSet::kNothing) return false;
        }
        if (target == state || lexer_.loop(target).target != target) return false;
        if (lexer_.alive(target).count() < kWideFromBytes) return false;
        std::shared_ptr<const LexMask> base = lex_mask(lexer_, vocabulary_, target);
        if (base->base != nullptr) return false;
        mask_->base = base;
        if (walk_difference(state, target)) return true;
        mask_ = std::make_shared<LexMask>();
        exit_count_ = 0;
        return false;
    }

    // False where the two states differ in so many tokens that the difference is not worth keeping.
    bool walk_difference(ExprId state, ExprId other) {
        const Trie& trie = vocabulary_.trie();
        std::vector<ExprId> mine(static_cast<size_t>(trie.max_depth()) + 1), theirs(mine.size());
        mine[0] = state;
        theirs[0] = other;
        int32_t all_until = 0;  // below a node that only the other may leave, even equal states allow different tokens
        for (int32_t node = 1; node < trie.size();) {
            int depth = trie.depth(node);
            ExprId next = lexer_.step(mine[depth - 1], trie.byte(node));
            ExprId their_next = lexer_.step(theirs[depth - 1], trie.byte(node));
            if (next == their_next && node >= all_until) {
                node = trie.end(node);
                continue;
            }
            if (next == RegexSet::kNothing) {
                std::span<const TokenId> lost = trie.subtree_tokens(node);
                mask_->cleared.insert(mask_->cleared.end(), lost.begin(), lost.end());
                if (mask_->cleared.size() > kMostCleared) return false;
                node = trie.end(node);
                continue;
            }
            std::span<const TokenId> here = trie.tokens(node);
            mask_->cleared.insert(mask_->cleared.end(), here.begin(), here.end());
            if (mask_->cleared.size() > kMostCleared) return false;
            arrive(trie, node, next);
            if (lexer_.nullable(their_next) && !lexer_.nullable(next)) all_until = std::max(all_until, trie.end(node));
            mine[depth] = next;
            theirs[depth] = their_next;
            ++node;
        }
        return true;
    }

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
                walk_remainders(slice->remainders(j), chain.states[run]);
            }
        }
        if (chain.endless && last == 0) walk_remainders(slice->all_remainders(), state);
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
        std::span<const TokenId> here = trie.tokens(node);
        mask_->tokens.insert(mask_->tokens.end(), here.begin(), here.end());
        bool inner = trie.end(node) > node + 1;
        if (inner && lexer_.nullable(state)) add_exit(trie, node);
    }

    // Remainders of tokens that begin with a run: `state` is where the run has led.
    void walk_remainders(const Trie& trie, ExprId state) {
        if (lexer_.nullable(state) && trie.size() > 1) add_exit(trie, 0);
        walk(trie, 0, state);
    }

    // Walks the subtree below `root`, where `state` is the state at `root`.
    void walk(const Trie& trie, int32_t root, ExprId state) {
        int base = trie.depth(root);
        int32_t end = trie.end(root);
        if (path_.size() < static_cast<size_t>(trie.max_depth()) + 1)
            path_.resize(static_cast<size_t>(trie.max_depth()) + 1);
        path_[0] = &lexer_.state_of(state);
        for (int32_t node = root + 1; node < end;) {
            int depth = trie.depth(node) - base;
            ExprId next = lexer_.step(*path_[depth - 1], trie.byte(node));
            if (next == RegexSet::kNothing) {
                node = trie.end(node);
                continue;
            }
            const Lexer::State& reached = lexer_.state_of(next);
            std::span<const TokenId> here = trie.tokens(node);
            mask_->tokens.insert(mask_->tokens.end(), here.begin(), here.end());
            if (reached.nullable && trie.end(node) > node + 1) add_exit(trie, node);
            path_[depth] = &reached;
            node = reached.alive.empty() ? trie.end(node) : node + 1;
        }
    }

    // The lexeme is complete at `parent`.
    void add_exit(const Trie& trie, int32_t parent) {
        if (++exit_count_ > kMostExits) mask_->usable = false;
        if (!mask_->usable) return;
        for (int32_t node = parent + 1; node < trie.end(parent); node = trie.end(node))
            mask_->exits.exits.push_back({&trie, node});
    }

    void sort_exits() {
        mask_->exits.sort();
        mask_->exit_bytes = mask_->exits.bytes | mask_->run_exits;
        if (mask_->base != nullptr) mask_->exit_bytes = mask_->exit_bytes | mask_->base->exit_bytes;
        if (!mask_->usable) mask_->exit_bytes = ByteSet::full();
    }

    void compress() {
        sort_exits();
        std::ranges::sort(mask_->cleared);
        // What a base says is cleared after all rows are joined, so a difference keeps its tokens one by one.
        if (mask_->base != nullptr || mask_->tokens.size() <= static_cast<size_t>(vocabulary_.words())) return;
        auto bits = std::make_shared<Bits>(static_cast<size_t>(vocabulary_.words()), 0u);
        for (TokenId token : mask_->tokens) set_bit(*bits, token);
        mask_->tokens = {};
        mask_->bases.push_back(std::move(bits));
    }

    Lexer& lexer_;
    Vocabulary& vocabulary_;
    std::shared_ptr<LexMask> mask_;
    std::vector<const Lexer::State*> path_;
    size_t exit_count_ = 0;
};

}  // namespace

std::span<const LexExit> Places::by(uint8_t byte) const {
    auto found = std::ranges::equal_range(exits, byte, {}, &LexExit::byte);
    return {found.begin(), found.end()};
}

void Places::sort() {
    std::ranges::stable_sort(exits, {}, &LexExit::byte);
    for (const LexExit& exit : exits) bytes.insert(exit.byte());
}

size_t LexMask::memory() const {
    return sizeof(LexMask) + (cleared.capacity() + tokens.capacity()) * sizeof(TokenId) +
           exits.exits.capacity() * sizeof(LexExit);
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

std::shared_ptr<const LexMask> lex_mask_below(Lexer& lexer, Vocabulary& vocabulary, ExprId state, int32_t node) {
    return LexMaskBuilder(lexer, vocabulary).build_below(state, node);
}

}  // namespace latticework
