#include "lexemes.hpp"

#include <algorithm>
#include <unordered_set>

#include "errors.hpp"

namespace latticework {

Lexemes::Lexemes(const Program& program, Lexer& lexer, long most_pairs)
    : program_(program), lexer_(lexer), most_pairs_(most_pairs) {
    RegexSet& regex = lexer_.regex;
    ExprId more = regex.concat(regex.bytes(ByteSet::full()), RegexSet::kAll);
    for (const TerminalSpec& spec : program_.terminals()) {
        ExprId longer = regex.complement(regex.concat(spec.texts, more));
        texts_.push_back(spec.shortest ? regex.all_of({spec.texts, longer}) : spec.texts);
    }
}

std::vector<bool> Lexemes::unreadable() {
    std::vector<bool> unreadable(texts_.size());
    for (int32_t i = 0; i < static_cast<int32_t>(texts_.size()); ++i) {
        bool is_fixed = !program_.lexer(program_.terminal(i).lexer).contextual;
        unreadable[i] = is_fixed && readings(context({i}), i).empty();
    }
    return unreadable;
}

// ------------------------------------------------------------------------------------------------ pairs of expressions

// Over the states that two expressions reach by the same bytes, those of the first alive. `visit(a, b, is_start)`.
template <typename Visit>
void Lexemes::explore(ExprId a, ExprId b, Visit visit) {
    using Pair = std::pair<ExprId, ExprId>;
    auto key = [](const Pair& pair) {
        return (static_cast<uint64_t>(pair.first) << 32) | static_cast<uint32_t>(pair.second);
    };
    RegexSet& regex = lexer_.regex;
    std::vector<Pair> open{{a, b}};
    std::unordered_set<uint64_t> seen{key(open[0])};
    for (size_t i = 0; i < open.size(); ++i) {
        auto [left, right] = open[i];
        Next next = visit(left, right, i == 0);
        if (next == Next::Stop) return;
        if (next == Next::Leave) continue;
        if (static_cast<long>(open.size()) > most_pairs_) {
            throw LimitReached("derivative_steps", most_pairs_,
                               "telling the terminals of a lexer apart takes too many steps");
        }
        const std::vector<Edge>& mine = lexer_.state_of(left).edges;
        std::span<const Edge> span = regex.derivative(right);
        std::vector<Edge> theirs(span.begin(), span.end());
        std::erase_if(theirs, [&](const Edge& edge) { return !lexer_.nonempty(edge.target); });
        for (const Edge& edge : mine) {
            ByteSet rest = regex.byte_set(edge.set);
            for (const Edge& other : theirs) {
                if (!rest.intersects(regex.byte_set(other.set))) continue;
                rest = rest & ~regex.byte_set(other.set);
                if (Pair pair{edge.target, other.target}; seen.insert(key(pair)).second) open.push_back(pair);
            }
            if (rest.empty()) continue;
            if (Pair pair{edge.target, RegexSet::kNothing}; seen.insert(key(pair)).second) open.push_back(pair);
        }
    }
}

bool Lexemes::has_common(ExprId a, ExprId b) {
    return lexer_.alive(a).intersects(lexer_.alive(b)) && lexer_.nonempty(lexer_.regex.all_of({a, b}));
}

Lexemes::Fate Lexemes::fate(ExprId texts, ExprId guard) {
    uint64_t key = (static_cast<uint64_t>(texts) << 32) | static_cast<uint32_t>(guard);
    if (auto found = fates_.find(key); found != fates_.end()) return found->second;
    Fate fate = Fate::Blocked;
    explore(texts, guard, [&](ExprId text, ExprId left, bool is_start) {
        if (left == RegexSet::kNothing) {
            fate = Fate::Free;
            return Next::Stop;
        }
        if (!is_start && lexer_.nullable(left)) return Next::Leave;
        if (lexer_.nullable(text)) fate = Fate::Open;
        return Next::Follow;
    });
    bytes_ += 48;
    return fates_.emplace(key, fate).first->second;
}

ExprId Lexemes::without_empty(ExprId texts) {
    RegexSet& regex = lexer_.regex;
    const Expr expr = regex[texts];
    if (!expr.nullable) return texts;
    if (texts == RegexSet::kEmpty) return RegexSet::kNothing;
    if (expr.kind == ExprKind::Repeat && !regex[expr.a].nullable) return regex.repeat(expr.a, 1, expr.c);
    return regex.all_of({texts, regex.complement(RegexSet::kEmpty)});
}

ExprId Lexemes::guard_of(ExprId longer) {
    ExprId texts = without_empty(longer);
    return lexer_.nonempty(texts) ? texts : RegexSet::kNothing;
}

const Lexemes::GuardBytes& Lexemes::bytes_of(ExprId guard) {
    if (auto found = guard_bytes_.find(guard); found != guard_bytes_.end()) return found->second;
    GuardBytes bytes;
    std::span<const Edge> edges = lexer_.regex.derivative(guard);
    for (const Edge& edge : std::vector<Edge>(edges.begin(), edges.end())) {
        if (!lexer_.nonempty(edge.target)) continue;
        ByteSet& set = lexer_.nullable(edge.target) ? bytes.hit : bytes.open;
        set = set | lexer_.regex.byte_set(edge.set);
    }
    bytes_ += sizeof(GuardBytes) + 32;
    return guard_bytes_.emplace(guard, bytes).first->second;
}

ExprId Lexemes::beginning_with(ExprId texts, const ByteSet& bytes) {
    const ByteSet& alive = lexer_.alive(texts);
    if (!alive.intersects(bytes)) return RegexSet::kNothing;
    if ((alive & ~bytes).empty()) return texts;
    RegexSet& regex = lexer_.regex;
    return regex.all_of({texts, regex.concat(regex.bytes(alive & bytes), RegexSet::kAll)});
}

// ------------------------------------------------------------------------------------------------------------ readings

Lexemes::Context& Lexemes::context(std::vector<int32_t> readable) {
    std::ranges::sort(readable);
    readable.erase(std::unique(readable.begin(), readable.end()), readable.end());
    const LexerSpec& lexer = program_.lexer(program_.terminal(readable[0]).lexer);
    if (!lexer.contextual) {
        readable.clear();
        for (int32_t terminal = lexer.begin; terminal < lexer.end; ++terminal) readable.push_back(terminal);
    }
    auto [found, is_new] = contexts_.try_emplace(readable);
    if (is_new) {
        found->second.candidates = readable;
        bytes_ += 200 + 2 * readable.size() * sizeof(int32_t);
    }
    return found->second;
}

bool Lexemes::is_embedded(const std::vector<int32_t>& candidates, int32_t terminal) const {
    return std::ranges::any_of(program_.terminal(terminal).keyword_of,
                               [&](int32_t other) { return std::ranges::binary_search(candidates, other); });
}

const Lexemes::Readings& Lexemes::readings(Context& context, int32_t terminal) {
    if (auto found = context.readings.find(terminal); found != context.readings.end()) return found->second;
    Readings readings;
    auto add = [&](int32_t base) {
        Readings more = read_as(context.candidates, terminal, base);
        readings.insert(readings.end(), more.begin(), more.end());
    };
    if (is_embedded(context.candidates, terminal)) {
        for (int32_t base : program_.terminal(terminal).keyword_of) {
            if (std::ranges::binary_search(context.candidates, base)) add(base);
        }
    } else {
        add(terminal);
    }
    bytes_ += 64 + readings.size() * sizeof(Reading);
    return context.readings.emplace(terminal, std::move(readings)).first->second;
}

// The terminal as the lexer finds it by a match of `base`: of itself, or of what it is a keyword of.
Lexemes::Readings Lexemes::read_as(const std::vector<int32_t>& candidates, int32_t terminal, int32_t base) {
    RegexSet& regex = lexer_.regex;
    ExprId texts = base == terminal ? texts_[terminal] : program_.terminal(terminal).texts;
    if (base != terminal) {
        ExprId within = regex.all_of({texts, texts_[base]});
        if (lexer_.nonempty(regex.all_of({texts, regex.complement(texts_[base])}))) texts = within;
    }
    std::vector<ExprId> rivals, taken;
    for (int32_t other : candidates) {
        const std::vector<int32_t>& bases = program_.terminal(other).keyword_of;
        bool is_keyword = base == terminal && std::ranges::find(bases, terminal) != bases.end();
        bool is_better = base != terminal && other < terminal && std::ranges::find(bases, base) != bases.end();
        if (is_keyword || is_better) texts = regex.all_of({texts, regex.complement(program_.terminal(other).texts)});
        if (other >= base || is_embedded(candidates, other)) continue;
        rivals.push_back(texts_[other]);
        const TerminalSpec& spec = program_.terminal(other);
        taken.push_back(spec.undone == RegexSet::kNothing ? regex.concat(texts_[other], RegexSet::kAll) : spec.begun);
    }
    for (ExprId begun : taken) {
        if (has_common(texts, begun)) texts = regex.all_of({texts, regex.complement(begun)});
    }
    if (!lexer_.nonempty(texts)) return {};
    ExprId own = regex.any_of({texts_[base], program_.terminal(base).undone});
    ExprId longer = own;
    for (ExprId rival : rivals) longer = regex.any_of({longer, rival});
    Readings readings;
    std::erase_if(rivals, [&](ExprId rival) {
        std::optional<ExprId> few = begun(texts, rival);
        if (few && lexer_.nonempty(*few)) {
            readings.push_back(with_tail({*few, longer, RegexSet::kNothing}));
            texts = regex.all_of({texts, regex.complement(*few)});
        }
        return few.has_value();
    });
    if (!lexer_.nonempty(texts)) return readings;
    rivals.push_back(own);
    ExprId beyond = regex.concat(texts, regex.concat(regex.bytes(ByteSet::full()), RegexSet::kAll));
    std::erase_if(rivals, [&](ExprId rival) { return !has_common(rival, beyond); });
    readings.push_back(with_tail({texts, regex.any_of(std::move(rivals)), RegexSet::kNothing}));
    return readings;
}

// The same reading, with a tail if it is one.
Lexemes::Reading Lexemes::with_tail(const Reading& reading) {
    std::vector<ExprId> tails = this->tails(reading.texts, reading.longer, 2);
    if (tails.size() > 1) return reading;
    return {reading.texts, RegexSet::kNothing, tails.empty() ? RegexSet::kNothing : tails[0]};
}

// The texts behind which the rival's texts go on, if they are few: `L` of all names, where `L"..."` is the rival. They
// become a reading of their own, so that the others need not run along with the rival.
std::optional<ExprId> Lexemes::begun(ExprId texts, ExprId rival) {
    constexpr size_t kMost = 64, kLongest = 16;
    struct Word {
        ExprId text, rival;
        std::string written;
    };
    std::vector<std::string> found;
    std::vector<Word> words{{texts, rival, ""}};
    for (size_t length = 0; !words.empty(); ++length) {
        if (length > kLongest) return std::nullopt;
        std::vector<Word> longer;
        for (const Word& word : words) {
            if (lexer_.nullable(word.text) && !lexer_.alive(word.rival).empty()) found.push_back(word.written);
            ByteSet both = lexer_.alive(word.text) & lexer_.alive(word.rival);
            if (both.count() + longer.size() > kMost) return std::nullopt;
            both.for_each([&](int byte) {
                auto next = static_cast<uint8_t>(byte);
                longer.push_back({lexer_.step(word.text, next), lexer_.step(word.rival, next),
                                  word.written + static_cast<char>(byte)});
            });
        }
        words = std::move(longer);
    }
    return lexer_.regex.texts({found.begin(), found.end()});
}

// What is left of `longer` behind the texts: up to `most` different expressions.
std::vector<ExprId> Lexemes::tails(ExprId texts, ExprId longer, size_t most) {
    std::vector<ExprId> tails;
    explore(texts, longer, [&](ExprId text, ExprId left, bool) {
        if (!lexer_.nullable(text)) return Next::Follow;
        ExprId tail = guard_of(left);
        if (std::ranges::find(tails, tail) == tails.end()) tails.push_back(tail);
        return tails.size() >= most ? Next::Stop : Next::Follow;
    });
    return tails;
}

// ----------------------------------------------------------------------------------------------------- keeping apart

// What may stand at the ends of each node, and what of it side by side: the indices of `texts`.
class Lexemes::Neighbours {
public:
    Neighbours(const Program& program, Lexer& lexer) : program_(program), lexer_(lexer) {
        for (const TerminalSpec& spec : program.terminals()) texts_.push_back(spec.texts);
        const std::vector<Node>& nodes = program.nodes();
        for (const Node& node : nodes) leaves_.push_back(leaf(node));
        ends_.resize(nodes.size());
        scope_ = texts_.size();
        texts_.push_back(RegexSet::kNothing);
        for (Ends& end : ends_) end.first.resize(texts_.size()), end.last.resize(texts_.size());
        follow_.assign(texts_.size(), Set(texts_.size()));
        while (changed_) {
            changed_ = false;
            for (size_t id = nodes.size(); id-- > 0;) look_at(nodes[id], leaves_[id], ends_[id]);
        }
    }
    // Terminals first; then whatever else a lexeme can be beside: one entry for each way it may begin.
    const std::vector<ExprId>& texts() const { return texts_; }
    bool may_follow(int32_t terminal, size_t other) const { return follow_[terminal][other]; }
    bool is_used(int32_t terminal) const {
        return std::ranges::any_of(leaves_, [&](int32_t leaf) { return leaf == terminal; });
    }
    // Whether both may be read at one place: at the beginning, or behind something that both may follow.
    bool may_compete(int32_t a, int32_t b) const {
        auto both = [&](const Set& set) { return set[a] && set[b]; };
        return both(ends_[program_.start()].first) || std::ranges::any_of(follow_, both);
    }

private:
    using Set = std::vector<bool>;
    struct Ends {
        Set first, last;
        bool nullable = false;
    };

    // The index of what a node without children begins with; -1 for other nodes.
    int32_t leaf(const Node& node) {
        ExprId texts = RegexSet::kNothing;
        switch (node.kind) {
            case NodeKind::Lexeme: return node.what;
            case NodeKind::Terminal: texts = node.what; break;
            case NodeKind::Record: texts = lexer_.regex.literal("{"); break;
            case NodeKind::Array: texts = lexer_.regex.literal("["); break;
            default: return -1;
        }
        auto from = texts_.begin() + static_cast<ptrdiff_t>(program_.terminals().size());
        auto found = std::find(from, texts_.end(), texts);
        if (found == texts_.end()) found = texts_.insert(found, texts);
        return static_cast<int32_t>(found - texts_.begin());
    }

    void look_at(const Node& node, int32_t leaf, Ends& end) {
        if (leaf >= 0) {
            Set self(texts_.size());
            self[leaf] = true;
            add(end.first, self);
            add(end.last, self);
            if (node.kind == NodeKind::Terminal && lexer_.nullable(node.what)) make_nullable(end);
        } else if (node.kind == NodeKind::Sequence) {
            add_sequence(end, node.children);
        } else if (node.kind == NodeKind::Choice) {
            for (NodeId child : node.children) add_part(end, ends_[child]);
        } else if (node.kind == NodeKind::Alias) {
            add_part(end, ends_[node.what]);
        } else if (node.kind == NodeKind::Scope) {
            add(end.first, ends_[node.what].first);
            Set self(texts_.size());  // no guard leaves it: what comes before it and inside is not at its end
            self[scope_] = true;
            add(end.last, self);
            if (ends_[node.what].nullable) make_nullable(end);
        }
    }

    void add_part(Ends& end, const Ends& part) {
        add(end.first, part.first);
        add(end.last, part.last);
        if (part.nullable) make_nullable(end);
    }

    void add_sequence(Ends& end, const std::vector<NodeId>& children) {
        bool all_nullable = true;
        Set before(texts_.size());  // what may stand just before the next child
        for (NodeId child : children) {
            const Ends& part = ends_[child];
            if (all_nullable) add(end.first, part.first);
            for (size_t i = 0; i < before.size(); ++i) {
                if (before[i]) add(follow_[i], part.first);
            }
            if (!part.nullable) before.assign(before.size(), false);
            for (size_t i = 0; i < before.size(); ++i) before[i] = before[i] || part.last[i];
            all_nullable = all_nullable && part.nullable;
        }
        add(end.last, before);
        if (all_nullable) make_nullable(end);
    }

    void add(Set& to, const Set& from) {
        for (size_t i = 0; i < to.size(); ++i) {
            if (from[i] && !to[i]) to[i] = changed_ = true;
        }
    }
    void make_nullable(Ends& end) {
        if (!end.nullable) end.nullable = changed_ = true;
    }

    const Program& program_;
    Lexer& lexer_;
    std::vector<ExprId> texts_;
    std::vector<int32_t> leaves_;  // by node
    std::vector<Ends> ends_;       // by node
    std::vector<Set> follow_;
    size_t scope_;
    bool changed_ = true;
};

// Whether something is left of the terminal beside all others, and each guard that a text of it may leave lets
// something ignored through, or all that may come next.
bool Lexemes::can_be_followed(int32_t terminal, ExprId everything, const Neighbours& neighbours) {
    constexpr size_t kMostTails = 32;
    std::vector<ExprId> guards = tails(texts_[terminal], everything, kMostTails);
    if (guards.size() >= kMostTails) return false;
    const LexerSpec& lexer = program_.lexer(program_.terminal(terminal).lexer);
    auto rivals_of = [&](int32_t of) {
        std::vector<int32_t> rivals{of};
        for (int32_t other = lexer.begin; other < lexer.end; ++other) {
            if (neighbours.may_compete(of, other)) rivals.push_back(other);
        }
        return rivals;
    };
    if (readings(context(rivals_of(terminal)), terminal).empty()) return false;
    auto passes = [&](size_t other, ExprId guard) {
        if (other >= program_.terminals().size()) return fate(neighbours.texts()[other], guard) == Fate::Free;
        auto index = static_cast<int32_t>(other);
        if (index < lexer.begin || index >= lexer.end) return false;
        return std::ranges::any_of(readings(context(rivals_of(index)), index),
                                   [&](const Reading& reading) { return fate(reading.texts, guard) == Fate::Free; });
    };
    for (ExprId guard : guards) {
        if (guard == RegexSet::kNothing) continue;
        bool ignored = false;
        for (int32_t other = lexer.begin; other < lexer.end && !ignored; ++other) {
            ignored = program_.terminal(other).ignored && passes(static_cast<size_t>(other), guard);
        }
        for (size_t other = 0; other < neighbours.texts().size() && !ignored; ++other) {
            bool is_optional =
                other < program_.terminals().size() && program_.terminal(static_cast<int32_t>(other)).ignored;
            if (is_optional || !neighbours.may_follow(terminal, other)) continue;
            if (!passes(other, guard)) return false;
        }
    }
    return true;
}

bool Lexemes::check_apart() {
    auto count = static_cast<int32_t>(program_.terminals().size());
    if (count == 0) return true;
    Neighbours neighbours(program_, lexer_);
    for (int32_t i = 0; i < count; ++i) {
        if (!neighbours.is_used(i)) continue;
        const LexerSpec& lexer = program_.lexer(program_.terminal(i).lexer);
        // Keywords compete only where nothing can be read that they are keywords of.
        std::vector<ExprId> keywords, others;
        for (int32_t other = lexer.begin; other < lexer.end; ++other) {
            if (lexer.contextual && !neighbours.may_compete(i, other)) continue;
            (program_.terminal(other).keyword_of.empty() ? others : keywords).push_back(texts_[other]);
            others.push_back(program_.terminal(other).undone);
        }
        bool is_keyword = !program_.terminal(i).keyword_of.empty();
        if (!can_be_followed(i, lexer_.regex.any_of(std::move(others)), neighbours)) return false;
        if (is_keyword && !can_be_followed(i, lexer_.regex.any_of(std::move(keywords)), neighbours)) return false;
    }
    return true;
}

}  // namespace latticework
