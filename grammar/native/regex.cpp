// Constructors of the regex algebra. Each returns the smallest form that its cheap rules know, so that equal residual
// languages meet in one id as often as possible: fewer states, warmer caches.

#include "regex.hpp"

#include <algorithm>
#include <limits>

#include "errors.hpp"

namespace latticework {

RegexSet::RegexSet() {
    exprs_.push_back(Expr{ExprKind::Nothing, false, true, 1, 0, 0, 0});
    exprs_.push_back(Expr{ExprKind::Empty, true, true, 1, 0, 0, 0});
    exprs_.push_back(Expr{ExprKind::Not, true, true, 1, kNothing, 0, 0});  // plain: never empty
    derivatives_.resize(3);
}

size_t RegexSet::memory() const {
    return exprs_.capacity() * sizeof(Expr) + lists_.capacity() * sizeof(ExprId) + sets_.capacity() * sizeof(ByteSet) +
           derivatives_.capacity() * sizeof(EdgeRange) + edges_.capacity() * sizeof(Edge) + expr_index_.bytes() +
           set_index_.bytes();
}

int32_t RegexSet::intern_set(const ByteSet& set) {
    uint64_t hash = 7;
    for (uint64_t word : set.words) hash = mix(hash, word);
    int32_t found = set_index_.find(hash, [&](int32_t id) { return sets_[id] == set; });
    if (found >= 0) return found;
    sets_.push_back(set);
    set_index_.insert(hash, static_cast<int32_t>(sets_.size()) - 1);
    return static_cast<int32_t>(sets_.size()) - 1;
}

void RegexSet::check_depth(int depth) const {
    if (depth > kMaxDepth) throw GrammarProblem("a regular expression nests too deep");
}

ExprId RegexSet::intern(Expr expr) {
    check_depth(expr.depth);
    uint64_t hash = mix(mix(mix(static_cast<uint64_t>(expr.kind), expr.a), expr.b), expr.c);
    int32_t found = expr_index_.find(hash, [&](int32_t id) {
        const Expr& other = exprs_[id];
        return other.kind == expr.kind && other.a == expr.a && other.b == expr.b && other.c == expr.c;
    });
    if (found >= 0) return found;
    exprs_.push_back(expr);
    derivatives_.emplace_back();
    expr_index_.insert(hash, size() - 1);
    return size() - 1;
}

std::span<const ExprId> RegexSet::children(const Expr& expr) const {
    return {lists_.data() + expr.a, static_cast<size_t>(expr.b)};
}

ExprId RegexSet::intern_list(ExprKind kind, std::span<const ExprId> parts) {
    uint64_t hash = static_cast<uint64_t>(kind) + 100;
    for (ExprId part : parts) hash = mix(hash, part);
    int32_t found = expr_index_.find(hash, [&](int32_t id) {
        const Expr& other = exprs_[id];
        return other.kind == kind && std::ranges::equal(children(other), parts);
    });
    if (found >= 0) return found;
    Expr expr{kind,
              kind == ExprKind::And,
              kind == ExprKind::Or,
              0,
              static_cast<int32_t>(lists_.size()),
              static_cast<int32_t>(parts.size()),
              0};
    int deepest = 0;
    for (ExprId part : parts) {
        const Expr& child = exprs_[part];
        expr.nullable = kind == ExprKind::Or ? (expr.nullable || child.nullable) : (expr.nullable && child.nullable);
        expr.plain = expr.plain && child.plain;
        deepest = std::max<int>(deepest, child.depth);
    }
    expr.depth = static_cast<uint16_t>(deepest + 1);
    check_depth(expr.depth);
    lists_.insert(lists_.end(), parts.begin(), parts.end());
    exprs_.push_back(expr);
    derivatives_.emplace_back();
    expr_index_.insert(hash, size() - 1);
    return size() - 1;
}

ExprId RegexSet::bytes(const ByteSet& set) {
    if (set.empty()) return kNothing;
    return intern(Expr{ExprKind::Bytes, false, true, 1, intern_set(set), 0, 0});
}

ExprId RegexSet::literal(std::string_view text, ExprId rest) {
    for (size_t i = text.size(); i-- > 0 && rest != kNothing;) {
        ExprId& byte = singles_[static_cast<uint8_t>(text[i])];
        if (byte == kNothing) byte = bytes(ByteSet::single(static_cast<uint8_t>(text[i])));
        bool plain = exprs_[rest].plain;
        rest = rest == kEmpty ? byte : intern(Expr{ExprKind::Concat, false, plain, 2, byte, rest, 0});
    }
    return rest;
}

// Right-nested: (a b) c -> a (b c). The spine of `first` is short: it is a derivative or a part of the user's regex.
ExprId RegexSet::concat(ExprId first, ExprId rest) {
    if (first == kNothing || rest == kNothing) return kNothing;
    if (rest == kEmpty) return first;
    std::vector<ExprId> spine;
    while (exprs_[first].kind == ExprKind::Concat) {
        spine.push_back(exprs_[first].a);
        first = exprs_[first].b;
    }
    spine.push_back(first);
    for (size_t i = spine.size(); i-- > 0;) {
        if (spine[i] == kEmpty) continue;
        if (rest == kEmpty) {
            rest = spine[i];
            continue;
        }
        const Expr head = exprs_[spine[i]], tail = exprs_[rest];
        int depth = head.depth + 1;
        if (head.nullable) depth = std::max(depth, tail.depth + 1);
        rest = intern(Expr{ExprKind::Concat, head.nullable && tail.nullable, head.plain && tail.plain,
                           static_cast<uint16_t>(depth), spine[i], rest, 0});
    }
    return rest;
}

ExprId RegexSet::concat_all(std::span<const ExprId> parts) {
    ExprId rest = kEmpty;
    for (size_t i = parts.size(); i-- > 0;) rest = concat(parts[i], rest);
    return rest;
}

void RegexSet::append_flat(ExprKind kind, ExprId part, std::vector<ExprId>& out) const {
    const Expr& expr = exprs_[part];
    if (expr.kind == kind) {
        std::span<const ExprId> inner = children(expr);
        out.insert(out.end(), inner.begin(), inner.end());
    } else {
        out.push_back(part);
    }
}

// [ab]x | [bc]x -> [abc]x, where x may be the empty string: the forms that UTF-8 classes and tries produce.
void RegexSet::merge_first_bytes(std::vector<ExprId>& parts) {
    struct Headed {
        ExprId rest;
        ExprId part;
    };
    std::vector<Headed> headed;
    std::vector<ExprId> others;
    for (ExprId part : parts) {
        const Expr& expr = exprs_[part];
        if (expr.kind == ExprKind::Bytes) {
            headed.push_back({kEmpty, part});
        } else if (expr.kind == ExprKind::Concat && exprs_[expr.a].kind == ExprKind::Bytes) {
            headed.push_back({expr.b, part});
        } else {
            others.push_back(part);
        }
    }
    if (headed.size() < 2) return;
    std::ranges::stable_sort(headed, {}, &Headed::rest);
    for (size_t i = 0; i < headed.size();) {
        size_t j = i;
        ByteSet set;
        for (; j < headed.size() && headed[j].rest == headed[i].rest; ++j) {
            const Expr& expr = exprs_[headed[j].part];
            set = set | sets_[expr.kind == ExprKind::Bytes ? expr.a : exprs_[expr.a].a];
        }
        others.push_back(j == i + 1 ? headed[i].part : concat(bytes(set), headed[i].rest));
        i = j;
    }
    parts.swap(others);
}

// x{0,3}t | x{0,5}t -> x{0,5}t: keeps the states of a counted loop from piling up.
void RegexSet::merge_counters(std::vector<ExprId>& parts) {
    struct Counter {
        ExprId inner, rest;
        int32_t minimum, maximum;
    };
    auto counter = [&](ExprId part) {
        const Expr& expr = exprs_[part];
        if (expr.kind == ExprKind::Repeat) return Counter{expr.a, kEmpty, expr.b, expr.c};
        if (expr.kind == ExprKind::Concat && exprs_[expr.a].kind == ExprKind::Repeat) {
            return Counter{exprs_[expr.a].a, expr.b, exprs_[expr.a].b, exprs_[expr.a].c};
        }
        return Counter{-1, -1, 0, 0};
    };
    for (size_t i = 0; i < parts.size(); ++i) {
        Counter one = counter(parts[i]);
        for (size_t j = i + 1; one.inner >= 0 && j < parts.size();) {
            Counter two = counter(parts[j]);
            bool unbounded = one.maximum == kUnbounded || two.maximum == kUnbounded;
            bool touch = one.inner == two.inner && one.rest == two.rest &&
                         (one.maximum == kUnbounded || two.minimum <= one.maximum + 1) &&
                         (two.maximum == kUnbounded || one.minimum <= two.maximum + 1);
            if (!touch) {
                ++j;
                continue;
            }
            one.minimum = std::min(one.minimum, two.minimum);
            one.maximum = unbounded ? kUnbounded : std::max(one.maximum, two.maximum);
            parts.erase(parts.begin() + static_cast<long>(j));
            parts[i] = concat(repeat(one.inner, one.minimum, one.maximum), one.rest);
        }
    }
}

ExprId RegexSet::any_of(std::vector<ExprId> parts) {
    std::vector<ExprId> flat;
    for (ExprId part : parts) append_flat(ExprKind::Or, part, flat);
    std::erase(flat, kNothing);
    std::ranges::sort(flat);
    flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
    if (std::ranges::binary_search(flat, kAll)) return kAll;
    if (flat.size() > 1) merge_first_bytes(flat);
    if (flat.size() > 1 && flat.size() <= 16) merge_counters(flat);
    auto nullable = [&](ExprId part) { return part != kEmpty && exprs_[part].nullable; };
    if (std::ranges::any_of(flat, nullable)) std::erase(flat, kEmpty);
    std::ranges::sort(flat);
    if (flat.empty()) return kNothing;
    return flat.size() == 1 ? flat[0] : intern_list(ExprKind::Or, flat);
}

ExprId RegexSet::all_of(std::vector<ExprId> parts) {
    std::vector<ExprId> flat;
    flat.reserve(parts.size() + 8);
    ByteSet bytes_left = ByteSet::full();
    bool has_bytes = false;
    auto add = [&](ExprId part) {
        if (part == kAll) return;
        const Expr& expr = exprs_[part];
        if (expr.kind != ExprKind::Bytes) return flat.push_back(part);
        has_bytes = true;
        bytes_left = bytes_left & sets_[expr.a];
    };
    for (ExprId part : parts) {
        if (exprs_[part].kind != ExprKind::And) {
            add(part);
        } else {
            for (ExprId inner : children(exprs_[part])) add(inner);
        }
    }
    if (has_bytes) flat.push_back(bytes(bytes_left));
    std::ranges::sort(flat);
    flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
    if (flat.empty()) return kAll;
    if (flat[0] == kNothing) return kNothing;
    if (flat.size() == 1) return flat[0];
    if (flat[0] == kEmpty) {
        bool nullable = std::ranges::all_of(flat, [&](ExprId part) { return exprs_[part].nullable; });
        return nullable ? kEmpty : kNothing;
    }
    return intern_list(ExprKind::And, flat);
}

ExprId RegexSet::complement(ExprId inner) {
    const Expr& expr = exprs_[inner];
    if (expr.kind == ExprKind::Not) return expr.a;
    if (inner == kNothing) return kAll;
    return intern(Expr{ExprKind::Not, !expr.nullable, false, static_cast<uint16_t>(expr.depth + 1), inner, 0, 0});
}

ExprId RegexSet::repeat(ExprId inner, int32_t minimum, int32_t maximum) {
    const Expr expr = exprs_[inner];
    if (maximum == 0 || inner == kEmpty) return kEmpty;
    if (inner == kNothing) return minimum == 0 ? kEmpty : kNothing;
    if (expr.nullable) minimum = 0;  // fewer copies are the same with empty ones added
    if (minimum == 1 && maximum == 1) return inner;
    if (minimum == 0 && maximum == 1) return any_of({inner, kEmpty});
    if (expr.kind == ExprKind::Repeat && expr.b == 0) {  // (x{0,n}){0,m} -> x{0,nm}; with n or m unbounded, x*
        int64_t most =
            expr.c == kUnbounded || maximum == kUnbounded ? kUnbounded : static_cast<int64_t>(expr.c) * maximum;
        if (most <= std::numeric_limits<int32_t>::max()) return repeat(expr.a, 0, static_cast<int32_t>(most));
    }
    return intern(Expr{ExprKind::Repeat, minimum == 0, expr.plain, static_cast<uint16_t>(expr.depth + 1), inner,
                       minimum, maximum});
}

// Never empty: whatever was read, enough further digits reach every remainder.
ExprId RegexSet::modulo(int32_t modulus, int32_t remainder, int32_t value) {
    return intern(Expr{ExprKind::Modulo, value == remainder, true, 1, modulus, value, remainder});
}

ExprId RegexSet::texts(std::vector<std::string_view> texts) {
    std::ranges::sort(texts);
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts_from(texts, 0, 0);
}

// Recurses once per branching of the trie, not per byte: a common prefix is taken at once.
ExprId RegexSet::texts_from(std::span<const std::string_view> sorted, size_t depth, int branchings) {
    constexpr int kMostBranchings = 4000;
    if (branchings > kMostBranchings) throw GrammarProblem("more than 4,000 texts of a set begin one another");
    if (sorted.empty()) return kNothing;
    if (sorted.size() == 1) return literal(sorted[0].substr(depth));
    std::string_view low = sorted.front(), high = sorted.back();
    size_t end = depth;
    while (end < low.size() && end < high.size() && low[end] == high[end]) ++end;
    std::vector<ExprId> branches;
    if (low.size() == end) {
        branches.push_back(kEmpty);
        sorted = sorted.subspan(1);
    }
    for (size_t i = 0; i < sorted.size();) {
        size_t j = i;
        while (j < sorted.size() && sorted[j][end] == sorted[i][end]) ++j;
        branches.push_back(
            literal(sorted[i].substr(end, 1), texts_from(sorted.subspan(i, j - i), end + 1, branchings + 1)));
        i = j;
    }
    return literal(low.substr(depth, end - depth), any_of(std::move(branches)));
}

}  // namespace latticework
