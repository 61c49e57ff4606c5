#include "reach.hpp"

#include <algorithm>

namespace latticework {

size_t Reach::memory() const {
    size_t bytes = sizeof(Reach) + tokens.capacity() * sizeof(TokenId) + ends.capacity() * sizeof(End);
    if (bits != nullptr) bytes += bits->size() * sizeof(uint32_t);
    for (const End& end : ends) bytes += sizeof(Places) + end.places->exits.capacity() * sizeof(LexExit);
    return bytes;
}

class Reaches::Walk {
public:
    Walk(Lexer& lexer, Lexemes& lexemes, const ByteSet& barred) : lexer_(lexer), lexemes_(lexemes), barred_(barred) {}

    std::shared_ptr<const Reach> run(const Places& from, const Reading& reading, size_t words) {
        const Lexer::State& start = lexer_.state_of(reading.lex);
        (start.alive & from.bytes).for_each([&](int first) {
            auto byte = static_cast<uint8_t>(first);
            Point point = step({&start, reading.longer, reading.guard}, byte);
            if (point.lex == nullptr) return;
            for (const LexExit& exit : from.by(byte)) walk(*exit.trie, exit.node, point);
        });
        auto reach = std::make_shared<Reach>();
        for (Group& group : groups_) {
            if (!group.exits.empty()) reach->ends.push_back({group.guard, share(std::move(group.exits))});
        }
        if (tokens_.size() > words) {
            auto bits = std::make_shared<Bits>(words, 0u);
            for (TokenId token : tokens_) set_bit(*bits, token);
            reach->bits = std::move(bits);
        } else {
            reach->tokens.assign(tokens_.begin(), tokens_.end());
        }
        return reach;
    }

    static SharedPlaces share(std::vector<LexExit> exits) {
        auto places = std::make_shared<Places>();
        places->exits = std::move(exits);
        places->sort();
        places->exits.shrink_to_fit();
        return places;
    }

private:
    struct Point {
        const Lexer::State* lex;  // null where the guard has matched
        ExprId longer, guard;
    };
    struct Group {            // the exits behind which the same must not follow
        ExprId longer, open;  // as they ran along
        ExprId guard;         // both together
        ByteSet barred;
        std::vector<LexExit> exits;
    };

    // The byte is one that the lexeme goes on with.
    Point step(const Point& from, uint8_t byte) {
        auto run = [&](ExprId expr) { return expr == RegexSet::kNothing ? expr : lexer_.step(expr, byte); };
        ExprId guard = run(from.guard);
        if (lexer_.nullable(guard)) return {nullptr, guard, guard};
        return {&lexer_.state_of(lexer_.step(*from.lex, byte)), run(from.longer), guard};
    }

    // The subtree of `root`, where the lexeme has come to `point`.
    void walk(const Trie& trie, int32_t root, const Point& point) {
        auto depths = static_cast<size_t>(trie.max_depth()) + 1;
        if (path_.size() < depths) path_.resize(depths);
        arrive(trie, root, point);
        path_[trie.depth(root)] = point;
        for (int32_t node = root + 1; node < trie.end(root);) {
            const Point& from = path_[trie.depth(node) - 1];
            uint8_t byte = trie.byte(node);
            if (!from.lex->alive.contains(byte)) {
                node = trie.end(node);
                continue;
            }
            Point next = step(from, byte);
            if (next.lex == nullptr) {
                node = trie.end(node);
                continue;
            }
            arrive(trie, node, next);
            path_[trie.depth(node)] = next;
            node = next.lex->alive.empty() ? trie.end(node) : node + 1;
        }
    }

    void arrive(const Trie& trie, int32_t node, const Point& point) {
        std::span<const TokenId> here = trie.tokens(node);
        tokens_.insert(tokens_.end(), here.begin(), here.end());
        if (!point.lex->nullable || trie.end(node) == node + 1) return;
        Group& group = group_of(point.longer, point.guard);
        for (int32_t next = node + 1; next < trie.end(node); next = trie.end(next)) {
            if (!group.barred.contains(trie.byte(next))) group.exits.push_back({&trie, next});
        }
    }

    Group& group_of(ExprId longer, ExprId open) {
        for (Group& group : groups_) {
            if (group.longer == longer && group.open == open) return group;
        }
        ExprId guard = lexemes_.guard_of(open == RegexSet::kNothing ? longer : lexer_.regex.any_of({longer, open}));
        ByteSet barred = barred_;
        if (guard != RegexSet::kNothing) barred = barred | lexemes_.bytes_of(guard).hit;
        groups_.push_back({longer, open, guard, barred, {}});
        return groups_.back();
    }

    Lexer& lexer_;
    Lexemes& lexemes_;
    ByteSet barred_;
    std::vector<TokenId> tokens_;
    std::vector<Group> groups_;
    std::vector<Point> path_;
};

const std::shared_ptr<const Reach>& Reaches::of(const SharedPlaces& from, const Reading& reading) {
    Key key{from.get(), reading};
    if (auto found = known_.find(key); found != known_.end()) return found->second.reach;
    ByteSet barred;
    if (reading.barred != RegexSet::kNothing) barred = lexemes_.bytes_of(reading.barred).hit;
    auto words = static_cast<size_t>(vocabulary_.words());
    std::shared_ptr<const Reach> reach = Walk(lexer_, lexemes_, barred).run(*from, reading, words);
    bytes_ += reach->memory() + sizeof(Key) + sizeof(Entry) + 32;
    return known_.emplace(key, Entry{from, std::move(reach)}).first->second.reach;
}

const SharedPlaces& Reaches::below(const Trie& trie, int32_t node) {
    SharedPlaces& places = below_[{&trie, node}];
    if (places != nullptr) return places;
    std::vector<LexExit> exits;
    for (int32_t next = node + 1; next < trie.end(node); next = trie.end(next)) exits.push_back({&trie, next});
    places = Walk::share(std::move(exits));
    bytes_ += sizeof(Places) + places->exits.size() * sizeof(LexExit) + 64;
    return places;
}

void Reaches::clear() {
    known_.clear();
    below_.clear();
    bytes_ = 0;
}

}  // namespace latticework
